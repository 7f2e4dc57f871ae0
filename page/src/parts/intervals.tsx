// Accuracies with their 95 % intervals on one scale: a dot, a whisker, the figures beside them; rows of a group under its name.
import { Fragment } from "preact";
import { decimal, t } from "../texts";
import { accuracyOf, between } from "./words";
import "./parts.css";

export interface IntervalRow { name: string; tone?: "train" | "valid" | "test"; accuracy: number; interval: [number, number]; under?: string; note?: string; group?: string }

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 25, 50];

/** The ends and steps, in per cent, of an axis that shows what matters. */
function axis(rows: IntervalRow[]): { low: number; high: number; step: number } {
  const [least, most] = [Math.min(...rows.map((row) => row.interval[0])) * 100, Math.max(...rows.map((row) => row.interval[1])) * 100];
  const step = STEPS.find((one) => (most - least) / one <= 4) ?? 50;
  const low = Math.max(0, Math.floor(least / step) * step);
  return { low, high: Math.min(100, Math.max(Math.ceil(most / step) * step, low + step)), step };
}

export function Intervals({ rows }: { rows: IntervalRow[] }) {
  const { low, high, step } = axis(rows);
  const place = (share: number) => `${((100 * share - low) / (high - low)) * 100}%`;
  const ticks = Array.from({ length: Math.floor((high - low) / step + 1.001) }, (_, k) => low + k * step);
  const places = step < 1 ? 1 : 0;
  return (
    <div class="p-intervals">
      {rows.map((row, k) => (
        <Fragment key={`${row.group} ${row.name}`}>
          {row.group && row.group !== rows[k - 1]?.group && <h3 class="p-group">{row.group}</h3>}
          <div class={`p-interval p-${row.tone ?? "test"}`}>
            <span class="p-of"><b>{row.name}</b>{row.under && <span class="quiet small">{row.under}</span>}</span>
            <span class="p-track" aria-hidden="true">
              {ticks.map((tick) => <i class="p-tick" key={tick} style={{ left: place(tick / 100) }} />)}
              <i class="p-whisker" style={{ left: place(row.interval[0]), right: `calc(100% - ${place(row.interval[1])})` }} />
              <i class="p-dot" style={{ left: place(row.accuracy) }} />
            </span>
            <span class="p-figure">
              <strong>{accuracyOf(row)}</strong> <span class="quiet">{between(row.interval)}</span>
              {row.note && <span class="p-note quiet">{row.note}</span>}
            </span>
          </div>
        </Fragment>
      ))}
      <div class="p-axis" aria-hidden="true">
        <span class="p-track">
          {ticks.map((tick) => <span key={tick} style={{ left: place(tick / 100) }}>{decimal(tick, places)}</span>)}
        </span>
      </div>
      <p class="quiet small">{t("page.intervals", { low: decimal(low, places), high: decimal(high, places) })}</p>
    </div>
  );
}
