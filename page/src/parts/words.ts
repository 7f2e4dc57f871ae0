// Figures as the page writes them.
import type { Measures, RunLine } from "../api";
import { decimal, lang, percent, t, whole } from "../texts";

type Share = Pick<Measures, "accuracy" | "interval">;

/** What a run is called; of a damaged one only its folder's name is known. */
export const called = (run: RunLine): string => (run.data ? `${run.data} · ${run.model}` : run.name);

/** As many digits of a percentage as its interval leaves a meaning. */
export function digits([low, high]: [number, number]): number {
  const half = (high - low) * 50;
  return half >= 2 ? 0 : half >= 0.05 ? 1 : 2;
}
export const accuracyOf = (of: Share | null): string => (of ? percent(of.accuracy, digits(of.interval)) : "–");
export const between = (interval: [number, number], places = digits(interval)): string =>
  interval.map((end) => decimal(100 * end, places)).join("–");

/** A probability; one that falls short of certainty is not rounded to it. */
export const sure = (share: number | null | undefined): string =>
  share != null && share < 1 && share >= 0.9995 ? `> ${percent(0.999)}` : percent(share);

/** The sentence `key.one` or `key.many`. */
export const counted = (key: string, n: number): string => t(`${key}.${n === 1 ? "one" : "many"}`, { n: whole(n) });

/** The hour of today, else the day too. */
export function when(seconds: number | null): string {
  if (seconds === null) return "–";
  const date = new Date(1000 * seconds);
  const sameDay = date.toDateString() === new Date().toDateString();
  const day: Intl.DateTimeFormatOptions = sameDay ? {} : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(lang.value === "es" ? "es" : "en-GB", { ...day, hour: "2-digit", minute: "2-digit" }).format(date);
}

export const sizes = (shape: number[]): string => shape.map(whole).join("×");
