// What each value of each field changes in the mean, all on one scale.
import type { Effect, SearchDetails, SearchField } from "../api";
import { Intervals, type IntervalRow } from "../parts/intervals";
import { counted } from "../parts/words";
import { lang, t, whole } from "../texts";
import { free, isNumber, keyOf, nameOf, ordered, short } from "./fields";

export function Effects({ search, effects }: { search: SearchDetails; effects: Effect[] }) {
  const rows = free(search).flatMap((field): IntervalRow[] => {
    const own = effects.filter((one) => one.field === field.field);
    const places = new Map(ordered(field).map((value, i) => [keyOf(value), i]));
    own.sort((a, b) => (places.get(keyOf(a.value)) ?? 0) - (places.get(keyOf(b.value)) ?? 0));
    const alike = own.every((one) => one.n === own[0]?.n), of = (n: number) => counted("page.search.effects.of", n);
    return own.length < 2 ? [] : own.map(({ value, accuracy, low, high, n }) => ({
      group: alike ? `${nameOf(field.field)} · ${t("page.search.effects.each", { n: whole(n) })}` : nameOf(field.field), name: isPart(field, value) ? partOf(value) : short(value), tone: "valid", accuracy,
      interval: [low ?? accuracy, high ?? accuracy], under: alike ? undefined : of(n),
    }));
  });
  return (
    <section class="s-effects">
      <h2>{t("page.search.effects")}</h2>
      <p class="s-note quiet small">{t(rows.length ? "page.search.effects.note" : "page.search.effects.none")}</p>
      {rows.length > 0 && <Intervals rows={rows} />}
    </section>
  );
}

/** Many numbers are put together in parts. */
const isPart = (field: SearchField, value: unknown): value is string => typeof value === "string" && field.values.every(isNumber);

/** A part of a range, "0.001–0.01", as the language writes numbers. */
const partOf = (value: string): string => (lang.value === "es" ? value.replace(/\./g, ",") : value);
