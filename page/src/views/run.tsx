// One run: what it is and how it stands, and three ways to look at it.
import { useState } from "preact/hooks";
import * as api from "../api";
import { Learn } from "../learn";
import { Failed, Loading, capital } from "../parts/failed";
import { StatusWord, going } from "../parts/status";
import { useEvery, useLoaded, useTitle } from "../parts/use";
import { called, counted } from "../parts/words";
import { Results } from "../results";
import { lang, t } from "../texts";
import { Try } from "../try";
import "./run.css";

const TABS = ["learn", "results", "try"];

export function RunPage({ id, tab }: { id: string; tab: string }) {
  const { value: run, failure, again } = useLoaded(() => api.run(id), [id, lang.value]);
  const shown = TABS.includes(tab) ? tab : "learn";
  useTitle(run ? called(run) : "");
  const [since] = useState(() => Date.now());
  useEvery(run ? pace(run, shown, since) : null, again);

  if (failure?.status === 404) return <Gone />;
  if (!run) return failure ? <Failed failure={failure} /> : <Loading />;
  return (
    <div class="p-page">
      <header class="p-run">
        <h1>{called(run)}</h1>
        <p class="p-facts">
          {run.parameters !== null && <span class="quiet">{counted("page.parameters", run.parameters)}</span>}
          <StatusWord status={run.status} />
        </p>
        <nav class="p-tabs" aria-label={t("page.run.views")}>
          {TABS.map((name) => (
            <a
              key={name} href={`#/run/${id}${name === "learn" ? "" : `/${name}`}`}
              data-text={t(`page.run.${name}`)} aria-current={name === shown ? "page" : undefined}
            >{t(`page.run.${name}`)}</a>
          ))}
        </nav>
      </header>
      {failure && <Failed failure={failure} />}
      {run.failure && (
        <div class="notice p-broken" role="alert">
          <p>{capital(run.failure)}</p>
          {run.status === "failed" && <a href={`#/new?from=${id}`}>{t("page.run.mend")}</a>}
        </div>
      )}
      <Tab run={run} shown={shown} again={again} />
    </div>
  );
}

function Tab({ run, shown, again }: { run: api.RunDetails; shown: string; again: () => Promise<void> }) {
  if (run.facts === null && run.status !== "starting") return run.failure ? null : <p class="quiet">{t("page.run.nothing")}</p>;
  if (shown === "results") return <Results run={run} />;
  if (shown === "try") return <Try run={run} />;
  return <Learn run={run} onChanged={() => void again()} />;
}

/** How often the run is asked about. Learn hears by itself of what goes on; the report comes a little after the end. */
function pace(run: api.RunDetails, shown: string, since: number): number | null {
  if (run.status === "starting") return 1000;
  if (going(run.status)) return shown === "learn" ? null : 2000;
  const awaited = run.report === null && run.failure === null && (run.status === "done" || run.status === "early" || run.status === "stopped");
  return awaited && Date.now() - since < 600_000 ? 2000 : null;
}

function Gone() {
  return <p class="notice" role="alert"><span>{t("page.run.gone")}</span> <a href="#/">{t("page.run.home")}</a></p>;
}
