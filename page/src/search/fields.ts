// The fields of a search and its trials as the views need them: names, orders, the best of several.
import type { SearchDetails, SearchField, Trial } from "../api";
import { shown } from "../parts/values";
import { lang, percent, t, whole } from "../texts";

export const keyOf = (value: unknown): string => JSON.stringify(value);
export const isNumber = (value: unknown): value is number => typeof value === "number";

/** A field in words, where there are any. */
export function nameOf(field: string): string {
  for (const place of [field, field.slice(field.indexOf(".") + 1)]) {
    const key = `page.field.${place}`, text = t(key);
    if (text !== key) return text;
  }
  return field;
}

/** Those of more than one value. */
export const free = (search: SearchDetails): SearchField[] => search.fields.filter((one) => one.drawn || one.values.length > 1);

/** Numbers from low to high; all else as it was asked for. */
export const ordered = ({ values }: SearchField): unknown[] =>
  values.every(isNumber) ? [...values].sort((a, b) => (a as number) - (b as number)) : values;

/** A value in little room: 2.51e-5 for what takes many noughts. */
export function short(value: unknown): string {
  const text = shown(value);
  if (!isNumber(value) || text.length < 7 || Math.abs(value) >= 0.001 || text.includes("e")) return text;
  const power = value.toExponential(2).replace(/\.?0+e/, "e");
  return lang.value === "es" ? power.replace(".", ",") : power;
}

export const settings = (trial: Trial, but: string[] = []): string =>
  Object.entries(trial.values).filter(([field]) => !but.includes(field)).map(([field, value]) => `${nameOf(field)} ${short(value)}`).join(", ");

/** Whether a trial's accuracy counts: it was trained to its end, or is being trained. */
export const counts = ({ status, accuracy }: Trial): boolean => accuracy !== null && (status === "done" || status === "running");

/** The best of those that count; the trials come with the best first. */
export const best = (trials: Trial[]): Trial | null => trials.find(counts) ?? null;

/** One digit tells 1 of 1,000 samples; more have a second. */
export const share = (value: number | null, search: SearchDetails): string => percent(value, search.samples < 5000 ? 1 : 2);

/** The ends of shades and axes; what is far below the rest is as pale as the lower end, as in tiza's figures. */
export function endsOf(accuracies: number[]): { low: number; high: number; below: boolean } {
  if (!accuracies.length) return { low: 0, high: 1, below: false };
  const sorted = [...accuracies].sort((a, b) => a - b), high = sorted[sorted.length - 1];
  const middle = (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)]) / 2;
  const low = high > middle ? Math.max(sorted[0], high - 5 * (high - middle)) : sorted[0];
  return high - low > 1e-6 ? { low, high, below: sorted[0] < low - 1e-9 } : { low: low - 0.01, high, below: false };
}

export const going = ({ status }: Pick<SearchDetails, "status">): boolean => status === "starting" || status === "running";

/** A trial's standing in a word. */
export const verdict = (trial: Trial): string => {
  if (trial.same_as !== null) return t("verdict.same", { k: whole(trial.same_as) });
  if (trial.verdict) return t(`verdict.${trial.verdict}`);
  return trial.status === "done" ? t("page.search.trained") : t(`page.search.trial.${trial.status}`);
};

/** The two fields whose values differ most in their means; while nothing is ranked, those with the most values. Numbers first. */
export function widest(search: SearchDetails): SearchField[] {
  const spread = ({ field, values, drawn }: SearchField): number => {
    const effects = search.ranked?.effects.filter((one) => one.field === field).map((one) => one.accuracy) ?? [];
    if (effects.length > 1) return Math.max(...effects) - Math.min(...effects);
    return search.ranked ? -1 : drawn ? Infinity : values.length;
  };
  const numeric = ({ values, drawn }: SearchField) => Number(drawn || values.every(isNumber));
  return [...free(search)].sort((a, b) => numeric(b) - numeric(a) || spread(b) - spread(a));
}
