// A search: how it stands, a map of its trials, their ranking and what it is worth, and any trial of it.
import { useRef, useState } from "preact/hooks";
import * as api from "../api";
import { Code } from "../parts/code";
import { Failed, Loading, capital } from "../parts/failed";
import { useEvery, useLoaded, useTitle } from "../parts/use";
import { counted, when } from "../parts/words";
import { lang, seconds, t, whole } from "../texts";
import { Effects } from "./effects";
import { best, free, going } from "./fields";
import { MapOf } from "./map";
import { Ranking } from "./ranking";
import { Said } from "./said";
import { SearchWord } from "./status";
import { TrialPanel } from "./trial";
import "./search.css";

const WIDE = matchMedia("(min-width: 68rem)"); // as in search.css
const MANY = 2000; // trials: their rows are asked for less often

export function SearchPage({ id }: { id: string }) {
  const { value: search, failure, again } = useLoaded(() => api.search(id), [id, lang.value]);
  const [chosen, setChosen] = useState<number | null>(null);
  const panel = useRef<HTMLElement>(null), watched = useRef(false);
  useTitle(search ? called(search) : "");
  useEvery(search ? pace(search) : null, again);

  if (failure?.status === 404) return <p class="notice" role="alert"><span>{t("page.search.gone")}</span> <a href="#/">{t("page.run.home")}</a></p>;
  if (!search) return failure ? <Failed failure={failure} /> : <Loading />;
  if (going(search)) watched.current = true;
  // The best trial lies open of what is over; of what one saw running only where there is room kept for it.
  const shown = chosen ?? (search.ranked && (!watched.current || WIDE.matches) ? search.ranked.best : null);
  const choose = (number: number) => {
    setChosen(number);
    requestAnimationFrame(() => panel.current?.scrollIntoView({ block: "nearest" }));
  };
  return (
    <div class="s-view">
      <Head search={search} />
      {failure && <Failed failure={failure} />}
      {search.failure ? <p class="notice" role="alert">{capital(search.failure)}</p> : (
        <>
          <Cut search={search} />
          <Said search={search} />
          <div class="s-body" data-plain={!free(search).length}>
            <MapOf key={id} search={search} chosen={chosen} onChoose={choose} />
            <TrialPanel search={search} number={shown} host={panel} />
            <Ranking search={search} chosen={chosen} onChoose={choose} />
            {search.ranked && free(search).length > 0 && <Effects search={search} effects={search.ranked.effects} />}
          </div>
        </>
      )}
    </div>
  );
}

const called = (search: api.SearchDetails): string => (search.data ? `${search.data} · ${search.model}` : search.name);

/** What is over is looked at no more; what was cut off may be taken up again. */
function pace(search: api.SearchDetails): number | null {
  if (going(search)) return search.count > MANY ? 5000 : 1000;
  return search.status === "interrupted" || search.status === "budget" ? 5000 : null;
}

function Head({ search }: { search: api.SearchDetails }) {
  const { folds, repeats, done, of, left, share, status } = search, running = going(search);
  const facts = [
    counted("page.search.trials", search.count), folds !== null && counted("page.search.folds", folds),
    repeats > 1 && counted("page.search.repeats", repeats), when(search.started),
  ].filter(Boolean).join(" · ");
  return (
    <header class="s-head">
      <div class="s-title">
        <h1>{called(search)}</h1>
        {status !== "damaged" && <p class="quiet">{facts}</p>}
        <p class="s-status" aria-live="polite"><SearchWord status={status} /></p>
      </div>
      {status !== "damaged" && (
        <>
          <div
            class="s-bar" role="progressbar" aria-label={t("page.search.progress")} aria-valuemin={0} aria-valuemax={100}
            aria-valuenow={Math.round(100 * (running ? share ?? 0 : done / (of || 1)))} data-over={!running}
          >
            <i style={{ transform: `scaleX(${running ? share ?? 0 : done / (of || 1)})` }} />
          </div>
          <p class="s-stand quiet small">
            <span>{t("search.done", { done: whole(done), of: whole(of) })}</span>
            {running && left !== null && <span>{t("search.left", { time: seconds(left) })}</span>}
          </p>
        </>
      )}
    </header>
  );
}

/** What ended before its end says how to go on. */
function Cut({ search }: { search: api.SearchDetails }) {
  if (search.status !== "interrupted" && search.status !== "budget" || !search.resume) return null;
  return (
    <div class="s-cut">
      <p>{t(`page.search.${search.status}`)}</p>
      <Code name={t("page.create.command")} text={search.resume} />
      {best(search.trials) === null && <p class="quiet">{t("search.nothing")}</p>}
    </div>
  );
}
