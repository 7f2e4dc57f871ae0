// The trials, the best first.
import { useState } from "preact/hooks";
import type { SearchDetails } from "../api";
import { between } from "../parts/words";
import { t, whole } from "../texts";
import { going, nameOf, share, short, verdict } from "./fields";

const TOP = 20;

export function Ranking({ search, chosen, onChoose }: { search: SearchDetails; chosen: number | null; onChoose: (number: number) => void }) {
  const [all, setAll] = useState(false);
  const { trials, fields } = search, rows = all ? trials : trials.slice(0, TOP);
  return (
    <section class="s-ranking">
      <h2>{t(`page.search.${going(search) ? "so-far.title" : search.ranked ? "ranking" : "listed"}`)}</h2>
      <div class="r-scroll">
        <table data-many={fields.length > 3}>
          <thead>
            <tr>
              <th class="number"><span class="unseen">{t("page.search.rank")}</span></th><th>{t("col.trial")}</th>
              <th class="number">{t("page.search.accuracy.short")}</th><th>{t("col.interval")}</th><th>{t("col.verdict")}</th>
              {fields.map(({ field }) => <th key={field} class="number">{nameOf(field)}</th>)}
            </tr>
          </thead>
          <tbody>
            {rows.map((trial) => (
              <tr key={trial.number} data-verdict={trial.verdict} data-chosen={trial.number === chosen} onClick={() => onChoose(trial.number)}>
                <td class="number quiet">{trial.rank === null ? "" : whole(trial.rank)}</td>
                <td><button class="plain" aria-pressed={trial.number === chosen} aria-label={t("page.search.trial", { k: whole(trial.number) })}>{whole(trial.number)}</button></td>
                <td class="number"><strong>{share(trial.accuracy, search)}</strong></td>
                <td class="s-between quiet">{trial.low !== null && trial.high !== null ? between([trial.low, trial.high], 1) : ""}</td>
                <td class={trial.status === "diverged" ? "s-verdict wrong" : "s-verdict"}>{verdict(trial)}</td>
                {fields.map(({ field }) => <td key={field} class="number">{short(trial.values[field])}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!all && trials.length > TOP && <button class="s-all" onClick={() => setAll(true)}>{t("page.search.all", { n: whole(trials.length) })}</button>}
      {search.count > trials.length && <p class="quiet small">{t("page.search.most", { n: whole(trials.length), of: whole(search.count) })}</p>}
    </section>
  );
}
