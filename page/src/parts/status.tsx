// How a run stands: a sign and a word.
import type { Status } from "../api";
import { t } from "../texts";
import "./parts.css";

const SIGNS: Record<Status, { line?: string; area?: string }> = {
  starting: { line: "M6 1.6v2M6 8.4v2M1.6 6h2M8.4 6h2" },
  running: { area: "M3 1.5 10.5 6 3 10.5z" },
  paused: { area: "M2.5 2h2.5v8H2.5zM7 2h2.5v8H7z" },
  done: { line: "M1.8 6.4 4.8 9.3 10.3 2.8" },
  early: { line: "M1.8 6.4 4.8 9.3 10.3 2.8" },
  stopped: { area: "M2.3 2.3h7.4v7.4H2.3z" },
  interrupted: { line: "M1.2 6h3M7.8 6h3M5 9.4l2-6.8" },
  diverged: { line: "M1.5 10.5 4 8l1.5 1.5L10.5 1.5M7.2 1.5h3.3v3.3" },
  failed: { line: "M2.4 2.4l7.2 7.2M9.6 2.4 2.4 9.6" },
  damaged: { line: "M2.4 2.4l7.2 7.2M9.6 2.4 2.4 9.6" },
};
const BAD: Status[] = ["diverged", "failed", "damaged"];

export const going = (status: Status): boolean => status === "starting" || status === "running" || status === "paused";

export function StatusWord({ status }: { status: Status }) {
  const { line, area } = SIGNS[status];
  return (
    <span class={BAD.includes(status) ? "p-status wrong" : "p-status"}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        {line && <path d={line} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />}
        {area && <path d={area} fill="currentColor" />}
      </svg>
      {t(`page.status.${status}`)}
    </span>
  );
}
