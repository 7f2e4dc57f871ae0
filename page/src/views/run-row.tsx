// One run in the list; on a phone a card.
import type { RunLine } from "../api";
import { Spark } from "../parts/spark";
import { StatusWord } from "../parts/status";
import { accuracyOf, between, called, counted, when } from "../parts/words";
import { seconds, t, whole } from "../texts";

interface Props { run: RunLine; picked: boolean; onPick: ((on: boolean) => void) | null; onRemove: () => void }

export function RunRow({ run, picked, onPick, onRemove }: Props) {
  const title = called(run);
  return (
    <li class="h-run">
      <span class="h-pick">
        {onPick && (
          <label>
            <input type="checkbox" checked={picked} onChange={(event) => onPick(event.currentTarget.checked)} />
            <span class="unseen">{t("page.home.pick", { name: `${title}, ${when(run.started)}` })}</span>
          </label>
        )}
      </span>
      <span class="h-name">
        <a href={`#/run/${run.id}`}>{title}</a>
        <span class="quiet small">
          {run.started !== null && when(run.started)}{run.parameters !== null && ` · ${counted("page.parameters", run.parameters)}`}
        </span>
      </span>
      <span class="h-spark"><Spark values={run.spark} /></span>
      <span class="h-accuracy">
        <span class="unseen">{t("page.home.validation")} </span>
        <strong>{accuracyOf(run.valid)}</strong>
        {run.valid && <span class="quiet small">{between(run.valid.interval)}</span>}
      </span>
      <span class="h-facts">
        <span class="h-epochs">
          {whole(run.epochs)}<span class="quiet">{run.epochs !== run.planned && ` / ${whole(run.planned)}`}<span class="h-label"> {t("page.home.epochs")}</span></span>
        </span>
        <span class="h-time">{seconds(run.seconds)}</span>
      </span>
      <span class="h-status"><StatusWord status={run.status} /></span>
      <span class="h-bin">
        <button class="plain small" onClick={onRemove} aria-label={t("page.home.delete-run", { name: title })}>{t("page.home.delete")}</button>
      </span>
    </li>
  );
}
