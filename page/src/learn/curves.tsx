// Panels 3 and 4: loss and accuracy, as training saw them batch by batch and as measured after each epoch.
import { useMemo, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { Measured } from "../api";
import { decimal, percent, significant, t, whole } from "../texts";
import { drawTracks } from "./marks";
import { inks, thin, usePainter, write } from "./paint";
import { Panel } from "./panel";
import { type End, Plot, type PlotSpec } from "./plot";
import { upTo } from "./series";
import { ACCURACY, LOSS, type Past } from "./store";

type What = "loss" | "accuracy";
export const figure = (what: What, value: number | null | undefined): string =>
  what === "accuracy" ? percent(value) : decimal(value, value != null && value >= 10 ? 1 : 3);

export function CurvePanel({ past, what }: { past: Past; what: What }) {
  const note = useRef<HTMLElement>(null), head = useRef<HTMLDivElement>(null);
  const spec = useMemo(() => describe(past, what), [past, what]);
  const zoom = useRef("");

  usePainter(head, () => {
    const at = past.cursor.value;
    if (at !== null) { write(note.current, values(past, what, at)); return; }
    const [low, high] = spec.range();
    zoom.current = what === "accuracy"
      ? low > 0 ? t("page.learn.zoom", { low: whole(low * 100), high: whole(high * 100) }) : ""
      : cut(past, high) ? t("page.learn.cut", { high: significant(high) }) : "";
    write(note.current, zoom.current);
  });
  const say = () => t(`page.learn.${what}.say`, { values: values(past, what, past.cursor.value) });
  return (
    <Panel name={what} title={t(`page.learn.${what}`)} note={note} say={say}>
      <div class="l-body" ref={head}><Plot spec={spec} /></div>
    </Panel>
  );
}

function describe(past: Past, what: What): PlotSpec {
  const column = what === "loss" ? LOSS : ACCURACY;
  const running = () => past.stepped.columns[column];
  return {
    series: [{ stroke: () => thin(inks().train, 0.3), width: 1 }],
    data: () => past.stepped.step.length ? [past.stepped.step, running()] as uPlot.AlignedData : empty(past.horizon(), 1),
    range: () => (what === "accuracy" ? accuracyRange(past) : [0, lossTop(past)]),
    horizon: () => past.horizon(), perEpoch: () => past.now.value.perEpoch, version: () => past.version,
    cursor: () => past.cursor.value, seek: (step) => past.seek(step),
    tick: (value, all) => (what === "accuracy" ? percent(value, places(all)) : significant(value, 3)),
    marks: (plot) => {
      const x = past.measured.map((one) => one.step), ink = inks();
      const of = (split: "train" | "valid") => past.measured.map((one) => one[split][what][0] ?? NaN);
      drawTracks(plot, [
        { x, y: of("train"), colour: ink.train, fill: ink.train, shape: "round" },
        { x, y: of("valid"), colour: ink.validLine, fill: ink.paper, shape: "square" },
      ]);
    },
    ends: () => {
      const last = past.measured[past.measured.length - 1], ends: End[] = [];
      const end = past.stepped.step.length - 1, x = Math.max(last?.step ?? 0, past.stepped.step[end] ?? 0);
      if (last) {
        for (const split of ["train", "valid"] as const) {
          const y = last[split][what][0];
          if (y != null) ends.push({ name: t(`page.learn.${split}`), value: figure(what, y), x, y, tone: split });
        }
      }
      const y = end >= 0 ? running()[end] : null; // batch by batch: named until there is a measurement
      if (y !== null && !last) ends.push({ name: t("page.learn.batches"), value: figure(what, y), x, y, tone: "running" });
      return ends;
    },
  };
}

/** The digits that percentages need to be told apart. */
export const places = (shares: number[]): number =>
  [0, 1, 2].find((digits) => shares.every((share) => Math.abs(share * 100 - Number((share * 100).toFixed(digits))) < 1e-6)) ?? 3;

/** A plot without data still has its axes. */
export const empty = (end: number, series: number): uPlot.AlignedData =>
  [[0, end], ...Array.from({ length: series }, () => [null, null])] as uPlot.AlignedData;

function values(past: Past, what: What, at: number | null): string {
  const { step, columns } = past.stepped, i = at === null ? step.length - 1 : upTo(step, at);
  const measured = past.measuredAt(at), parts: string[] = [];
  if (i >= 0) parts.push(t("page.learn.values.batches", { value: figure(what, columns[what === "loss" ? LOSS : ACCURACY][i]) }));
  if (measured) {
    parts.push(t("page.learn.values.measured", {
      train: figure(what, measured.train[what][0]), valid: figure(what, measured.valid[what][0]),
    }));
  }
  return parts.join(" · ") || t("page.learn.nothing-yet");
}

const LOWS = [0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.2, 0];
/** The measurements that the axes go by: of many, the first tenth would press the rest flat. */
const telling = ({ measured }: Past): Measured[] => measured.slice(Math.floor(measured.length / 10));

/** From below the lowest measurement to 100 %; all of it until there is one. */
function accuracyRange(past: Past): [number, number] {
  let low = 1;
  for (const one of telling(past)) low = Math.min(low, one.train.accuracy[0] ?? 1, one.valid.accuracy[0] ?? 1);
  return [past.measured.length ? LOWS.find((bound) => bound <= low - (1 - low) * 0.25) ?? 0 : 0, 1];
}

/** Above all measurements and all but the first batches, whose loss would press the rest flat. */
function lossTop(past: Past): number {
  const { measured, stepped } = past, loss = stepped.columns[LOSS];
  let top = 0;
  for (const one of telling(past)) top = Math.max(top, (one.train.loss[0] ?? 0) * 1.15, (one.valid.loss[0] ?? 0) * 1.15);
  for (let i = measured.length ? Math.ceil(loss.length / 10) : 0; i < loss.length; i++) top = Math.max(top, loss[i] ?? 0);
  return round(top || 1);
}
function cut({ stepped, measured }: Past, top: number): boolean {
  return stepped.columns[LOSS].some((value) => value !== null && value > top) || measured.some((one) => one.valid.loss[0] > top);
}
export function round(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((n) => n * power >= value * 0.9999)) ?? 10) * power;
}
