// How training stands, always in sight: status, epoch, step, samples a second, time left; or how it ended.
import { useState } from "preact/hooks";
import type { RunDetails } from "../api";
import * as api from "../api";
import { StatusWord } from "../parts/status";
import { percent, seconds, significant, t, whole } from "../texts";
import { type Past, alive } from "./store";

/** `alone`: there are no controls beside it. */
export function State({ past, run, alone }: { past: Past; run: RunDetails; alone: boolean }) {
  const now = past.now.value, { status } = now;
  const share = now.perEpoch ? Math.min(1, now.step / (now.perEpoch * now.epochs)) : 0;
  const epoch = now.perEpoch ? Math.min(now.epochs, Math.floor(now.step / now.perEpoch) + (alive(status) ? 1 : 0)) : 0;
  return (
    <div class="l-state" data-status={status}>
      <p class="l-status" role="status"><StatusWord status={status} /></p>
      {now.step > 0 && (
        <p class="l-where number">
          {t("page.learn.epoch-of", { epoch: whole(epoch), epochs: whole(now.epochs) })}
          <span class="l-step"> · {t("page.learn.step", { step: whole(now.step) })}</span>
        </p>
      )}
      {status === "running" || status === "paused"
        ? <p class="l-pace number">
            <span class="l-rate">{now.rate && now.pace === 0 && status === "running" ? t("page.learn.rate-of", { rate: whole(now.rate) }) : ""}</span>
            <span class="l-left">{now.left === null ? "" : t("page.learn.left", { time: seconds(now.left) })}</span>
          </p>
        : <Ending past={past} run={run} />}
      {alone && <p class="l-ending"><a href={`#/new?from=${run.id}`}>{t("page.learn.again")}</a></p>}
      {past.lost.value && alive(status) && <p class="l-lost small quiet" role="status">{t("page.learn.lost")}</p>}
      {past.trouble.value && <p class="fault" role="alert">{past.trouble.value}</p>}
      <span class="l-share" aria-hidden="true"><span style={{ transform: `scaleX(${share.toFixed(4)})` }} /></span>
    </div>
  );
}

/** What happened, and what one can do next. */
function Ending({ past, run }: { past: Past; run: RunDetails }) {
  const { status, end, base } = past.now.value, last = past.measured[past.measured.length - 1];
  switch (status) {
    case "starting": return <p class="l-ending quiet">{t("page.learn.starting")}</p>;
    case "done": case "early": case "stopped":
      return (
        <p class="l-ending">
          {last && t("page.learn.ended", { accuracy: percent(run.valid?.accuracy ?? last.valid.accuracy[0]) })}{" "}
          <a href={`#/run/${run.id}/results`}>{t("page.learn.results")}</a>
        </p>
      );
    case "interrupted": return <GoOn past={past} run={run} />;
    case "diverged": {
      const proposed = end?.proposed ?? (base === null ? null : base / 10);
      return (
        <p class="l-ending wrong">
          {end?.failedAt ? t("page.learn.diverged.at", { step: whole(end.failedAt) }) : t("page.learn.diverged")}{" "}
          {proposed !== null && t("page.learn.diverged.try", { rate: significant(proposed) })}
        </p>
      );
    }
    default: return null; // a run that failed says why above
  }
}

function GoOn({ past, run }: { past: Past; run: RunDetails }) {
  const [busy, setBusy] = useState(false), [fault, setFault] = useState("");
  const resume = async () => {
    setBusy(true);
    setFault("");
    try {
      await api.resume(run.id);
      past.again();
    } catch (error) {
      setFault((error as Error).message || t("page.learn.unsent"));
    }
    setBusy(false);
  };
  return (
    <p class="l-ending">
      {t("page.learn.interrupted")} <button class="main" disabled={busy} onClick={resume}>{t("page.learn.resume")}</button>
      {fault && <span class="fault" role="alert"> {fault}</span>}
    </p>
  );
}
