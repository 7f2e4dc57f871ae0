// One trial: what it is, how it learnt, what it answered, and how to train it by itself.
import type { Ref } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type uPlot from "uplot";
import * as api from "../api";
import { empty, places } from "../learn/curves";
import "../learn/learn.css";
import "../learn/panels.css";
import { inks, repaint } from "../learn/paint";
import { Plot, type PlotSpec } from "../learn/plot";
import { Code } from "../parts/code";
import { Failed, Loading } from "../parts/failed";
import { useLoaded } from "../parts/use";
import { between } from "../parts/words";
import { Matrix } from "../results/matrix";
import "../results/results.css";
import { lang, percent, t, whole } from "../texts";
import { nameOf, share, short, verdict } from "./fields";

interface Props { search: api.SearchDetails; number: number | null; host: Ref<HTMLElement> }

export function TrialPanel({ search, number, host }: Props) {
  return (
    <section class="s-trial" data-open={number !== null} ref={host} aria-label={number === null ? t("page.search.trial.which") : t("page.search.trial", { k: whole(number) })}>
      {number === null ? <p class="quiet s-which">{t("page.search.trial.choose")}</p> : <One search={search} number={number} />}
    </section>
  );
}

function One({ search, number }: { search: api.SearchDetails; number: number }) {
  const row = search.trials.find((one) => one.number === number);
  const { value, failure } = useLoaded(() => api.trial(search.id, number), [search.id, number, lang.value, row?.status, row?.rank]);
  const trial = row ?? value;
  const now = value?.number === number ? value : null;
  const answered = now?.confusion.some((line) => line.some(Boolean));
  return (
    <>
      <div class="s-trial-head">
        <h2 aria-live="polite">{t("page.search.trial", { k: whole(number) })}</h2>
        {trial && (
          <p>
            {trial.accuracy !== null && <strong>{share(trial.accuracy, search)}</strong>}
            {trial.low !== null && trial.high !== null && <span class="quiet"> {between([trial.low, trial.high], 1)}</span>}
            <span class={trial.status === "diverged" ? "s-word wrong" : "s-word"}>{verdict(trial)}</span>
          </p>
        )}
      </div>
      {trial && (
        <dl class="s-values">
          {Object.entries(trial.values).map(([field, value]) => <div key={field}><dt class="quiet small">{nameOf(field)}</dt><dd>{short(value)}</dd></div>)}
        </dl>
      )}
      {failure && <Failed failure={failure} />}
      <h3>{t("page.search.curve")}</h3>
      <div class="s-curve">{value && value.curve.length > 0 ? <Curve curve={value.curve} search={search} /> : value ? <p class="quiet small">{t("page.search.curve.none")}</p> : !failure && <Loading />}</div>
      <h3>{now && answered ? t("page.results.confusion", wrongOf(now.confusion)) : t("page.search.confusion")}</h3>
      <div class="s-confusion">
        {value && value.confusion.some((line) => line.some(Boolean))
          ? <Matrix confusion={value.confusion} classes={search.classes} chosen={null} onOpen={null} />
          : value && <p class="quiet small">{t("page.search.confusion.none")}</p>}
      </div>
      {now && (
        <div class="s-again">
          {now.startable && <a class="s-train" href={`#/new?from=search/${search.id}/${number}`}>{t("page.search.train")}</a>}
          <details>
            <summary>{t("page.search.code")}</summary>
            <Code name={t("page.create.command")} text={now.code.command} />
            <Code name="Python" text={now.code.python} />
          </details>
        </div>
      )}
    </>
  );
}

function wrongOf(confusion: number[][]): { wrong: string; n: string } {
  const sum = (values: number[]) => values.reduce((all, n) => all + n, 0);
  const n = sum(confusion.map(sum));
  return { wrong: whole(n - sum(confusion.map((row, i) => row[i]))), n: whole(n) };
}

const LOWS = [0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.2, 0];

function Curve({ curve, search }: { curve: (number | null)[]; search: api.SearchDetails }) {
  const latest = useRef(curve), turn = useRef(0);
  if (latest.current !== curve) turn.current++;
  latest.current = curve;
  useEffect(repaint, [curve]);
  const spec = useMemo((): PlotSpec => {
    const known = () => latest.current.filter((value) => value !== null);
    return {
      series: [{ stroke: () => inks().validLine, width: 1.8, spanGaps: true }],
      data: () => (latest.current.length ? [latest.current.map((_, i) => i + 1), latest.current] as uPlot.AlignedData : empty(1, 1)),
      range: () => {
        const telling = known().slice(Math.floor(known().length / 10)), low = Math.min(1, ...telling);
        return [LOWS.find((bound) => bound <= low - (1 - low) * 0.25) ?? 0, 1];
      },
      horizon: () => latest.current.length, perEpoch: () => 1, version: () => turn.current,
      tick: (value, all) => percent(value, places(all)),
      ends: () => {
        const all = known(), y = all[all.length - 1];
        return y === undefined ? [] : [{ name: t("page.learn.valid"), value: share(y, search), x: latest.current.length, y, tone: "valid" }];
      },
    };
  }, [search.id]);
  const known = curve.filter((value) => value !== null), top = Math.max(...known);
  return (
    <>
      <Plot spec={spec} />
      <p class="unseen">
        {known.length > 0 && t("page.search.curve.say", {
          first: share(known[0], search), last: share(known[known.length - 1], search), top: share(top, search), epoch: whole(curve.indexOf(top) + 1),
        })}
      </p>
    </>
  );
}
