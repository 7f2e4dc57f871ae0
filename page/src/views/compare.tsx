// Two runs side by side: what was done differently, and what came of it.
import * as api from "../api";
import { Overlay } from "../learn/overlay";
import { Failed, Loading } from "../parts/failed";
import { Intervals, type IntervalRow } from "../parts/intervals";
import { differing } from "../parts/recipe";
import { shown } from "../parts/values";
import { StatusWord, going } from "../parts/status";
import { useEvery, useLoaded, useTitle } from "../parts/use";
import { called, counted, digits, when } from "../parts/words";
import { decimal, lang, seconds, t } from "../texts";
import "./compare.css";

const NAMES = ["A", "B"];

export function Compare({ ids }: { ids: string[] }) {
  useTitle(t("page.compare.title"));
  const { value: runs, failure, again } = useLoaded(() => Promise.all(ids.slice(0, 2).map(api.run)), [ids.join(), lang.value]);
  const schema = useLoaded(api.schema, []).value;
  useEvery(runs?.some((run) => going(run.status)) ? 2000 : null, again);
  if (ids.length < 2) return <p class="notice">{t("page.compare.two")} <a href="#/">{t("page.run.home")}</a></p>;
  if (failure?.status === 404) return <p class="notice" role="alert"><span>{t("page.run.gone")}</span> <a href="#/">{t("page.run.home")}</a></p>;
  if (!runs) return failure ? <Failed failure={failure} /> : <Loading />;
  return (
    <div class="p-compare">
      <h1>{t("page.compare.title")}</h1>
      {failure && <Failed failure={failure} />}
      <div class="p-two">
        {runs.map((run, k) => (
          <section key={run.id}>
            <h2><span class="p-letter">{NAMES[k]}</span> <a href={`#/run/${run.id}`}>{called(run)}</a></h2>
            <p class="quiet small">{factsOf(run)}</p>
            <StatusWord status={run.status} />
          </section>
        ))}
      </div>
      <div class="p-pair">
        <Differences runs={runs} schema={schema} />
        <Accuracies runs={runs} />
      </div>
      <Overlay runs={runs} />
    </div>
  );
}

const factsOf = (run: api.RunDetails): string => [
  when(run.started), run.parameters === null ? "" : counted("page.parameters", run.parameters),
  counted("page.epochs", run.epochs), seconds(run.seconds),
].filter(Boolean).join(" · ");

function Differences({ runs: [a, b], schema }: { runs: api.RunDetails[]; schema: api.Schema | null }) {
  if (!schema || !a.recipe || !b.recipe) return <section><h2>{t("page.compare.differs")}</h2></section>;
  const found = differing(a.recipe, b.recipe, schema);
  return (
    <section>
      <h2>{t("page.compare.differs")}</h2>
      {!found.length ? <p>{t("page.compare.same")}</p> : (
        <table class="p-differences">
          <thead><tr><th>{t("page.compare.field")}</th>{NAMES.map((name) => <th key={name}>{name}</th>)}</tr></thead>
          <tbody>
            {found.map(({ place, one, other }) => (
              <tr key={place}><td><code>{place}</code></td><td>{shown(one)}</td><td>{shown(other)}</td></tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Accuracies({ runs }: { runs: api.RunDetails[] }) {
  const rows = (["valid", "test"] as const).flatMap((split) => runs.flatMap((run, k): IntervalRow[] => {
    const of = run[split];
    return of ? [{ name: `${NAMES[k]} · ${t(`split.${split}`)}`, tone: split, ...of }] : [];
  }));
  return (
    <section>
      <h2>{t("page.compare.accuracy")}</h2>
      {rows.length ? <Intervals rows={rows} /> : <p class="quiet">{t("page.compare.unmeasured")}</p>}
      <Verdict runs={runs} />
    </section>
  );
}

/** B against A on validation, with the interval of the difference (Newcombe 1998, taking the two as independent). */
function Verdict({ runs: [a, b] }: { runs: api.RunDetails[] }) {
  if (!a.valid || !b.valid || a.data !== b.data) return null;
  const [p, q] = [a.valid, b.valid];
  const difference = q.accuracy - p.accuracy;
  const low = difference - Math.hypot(q.accuracy - q.interval[0], p.interval[1] - p.accuracy);
  const high = difference + Math.hypot(q.interval[1] - q.accuracy, p.accuracy - p.interval[0]);
  const key = low > 0 ? "better" : high < 0 ? "worse" : "unclear";
  let places = digits([low, high]);
  const nought = (share: number) => Number((100 * share).toFixed(places)) === 0;
  while (key !== "unclear" && places < 3 && (nought(low) || nought(high))) places++; // an end at 0 would belie the verdict
  const points = (share: number) => `${nought(share) ? "" : share > 0 ? "+" : "−"}${decimal(Math.abs(100 * share), places)}`;
  const apart = key === "unclear" ? points(difference) : decimal(Math.abs(100 * difference), places);
  return <p>{t(`page.compare.${key}`, { points: apart, low: points(low), high: points(high) })}</p>;
}
