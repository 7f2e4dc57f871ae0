// What a run came to.
import { useState } from "preact/hooks";
import * as api from "../api";
import type { RunDetails } from "../api";
import { Cloud } from "../cloud";
import { Code } from "../parts/code";
import { Loading } from "../parts/failed";
import { Intervals, type IntervalRow } from "../parts/intervals";
import { going } from "../parts/status";
import { useLoaded } from "../parts/use";
import { counted } from "../parts/words";
import { decimal, lang, t, whole } from "../texts";
import { Calibration } from "./calibration";
import { Classes } from "./classes";
import { Confusion } from "./confusion";
import { Findings } from "./findings";
import { Worst } from "./worst";
import "./results.css";

export function Results({ run }: { run: RunDetails }) {
  const { report, facts } = run;
  return report && facts ? <Found run={run} report={report} facts={facts} /> : <NotYet run={run} />;
}

interface Found { run: RunDetails; report: NonNullable<RunDetails["report"]>; facts: NonNullable<RunDetails["facts"]> }

function Found({ run, report, facts }: Found) {
  const [wanted, setWanted] = useState<"valid" | "test">("valid");
  const answers = useLoaded(() => api.answers(run.id), [run.id, lang.value]);
  const split = report.test ? wanted : "valid";
  const measures = report[split]!;
  return (
    <div class="r-view">
      <section class="r-accuracy">
        <h2>{t("page.results.accuracy")}</h2>
        <Accuracy report={report} />
        <p>{report.openings}</p>
      </section>
      <Findings run={run} />
      <section class="r-confusion">
        <div class="r-head">
          <h2>{t("page.results.confusion", { wrong: whole(wrongOf(measures.confusion)), n: whole(measures.n) })}</h2>
          {report.test && (
            <fieldset class="p-switch">
              <legend class="unseen">{t("col.split")}</legend>
              {(["valid", "test"] as const).map((name) => (
                <label key={name}>
                  <input type="radio" name="split" checked={split === name} onChange={() => setWanted(name)} />{t(`split.${name}`)}
                </label>
              ))}
            </fieldset>
          )}
        </div>
        <Confusion run={run} confusion={measures.confusion} split={split} answers={answers} />
      </section>
      {answers.value ? <Calibration answers={answers.value} /> : !answers.failure && <div class="r-late"><Loading /></div>}
      <Cloud run={run} />
      <Worst run={run} report={report} />
      <Classes measures={measures} classes={facts.classes} split={split} />
    </div>
  );
}

const wrongOf = (confusion: number[][]): number => confusion.reduce((sum, row, i) => sum + row.reduce((part, n, j) => part + (i === j ? 0 : n), 0), 0);

function Accuracy({ report }: { report: NonNullable<RunDetails["report"]> }) {
  const rows = (["train", "valid", "test"] as const).flatMap((split): IntervalRow[] => {
    const of = report[split];
    return of ? [{ name: t(`split.${split}`), tone: split, accuracy: of.accuracy, interval: of.interval,
      under: counted("page.samples", of.n),
      note: `${t("col.loss")} ${decimal(of.loss, 3)} · F1 ${decimal(of.f1_macro, 3)}` }] : [];
  });
  return <Intervals rows={rows} />;
}

/** Training goes on, is being measured, or was never evaluated. */
function NotYet({ run }: { run: RunDetails }) {
  const ended = !going(run.status);
  return (
    <div class="r-none">
      <h2>{t("page.results.none")}</h2>
      <p>{t(`page.results.none.${!ended ? "training" : run.status === "done" || run.status === "early" || run.status === "stopped" ? "measuring" : "ended"}`)}</p>
      {ended && <Code name={t("page.create.command")} text={`tiza evaluate ${run.name}`} />}
    </div>
  );
}
