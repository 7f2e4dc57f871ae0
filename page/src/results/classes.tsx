// Precision, recall and F1 of each class; a click on a column's name sorts by it.
import { useState } from "preact/hooks";
import type { Measures } from "../api";
import { percent, t, whole } from "../texts";

type Column = "class" | "n" | "precision" | "recall" | "f1";
const COLUMNS: Column[] = ["class", "n", "precision", "recall", "f1"];

export function Classes({ measures, classes, split }: { measures: Measures; classes: string[]; split: string }) {
  const [sort, setSort] = useState<{ by: Column; down: boolean }>({ by: "class", down: false });
  const { per_class: each } = measures;
  const value = (by: Column, k: number): number => (by === "class" ? k : each[by][k]);
  const order = classes.map((_, k) => k).sort((a, b) => (value(sort.by, a) - value(sort.by, b)) * (sort.down ? -1 : 1) || a - b);
  const title = (column: Column) => (column === "n" ? t("page.results.n") : column === "f1" ? "F1" : t(`col.${column}`));
  return (
    <section class="r-classes">
      <h2>{t("page.results.classes", { split: t(`split.${split}`) })}</h2>
      <div class="r-scroll">
        <table>
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th key={column} class={column === "class" ? undefined : "number"} aria-sort={sort.by === column ? (sort.down ? "descending" : "ascending") : undefined}>
                  {/* Of a measure the lowest are wanted first. */}
                  <button class="plain" onClick={() => setSort({ by: column, down: sort.by === column && !sort.down })}>
                    {title(column)}<span class="r-arrow" aria-hidden="true">{sort.by === column ? (sort.down ? "↓" : "↑") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {order.map((k) => (
              <tr key={classes[k]}>
                <td>{classes[k]}</td><td class="number">{whole(each.n[k])}</td>
                {(["precision", "recall", "f1"] as const).map((by) => <td class="number" key={by}>{percent(each[by][k])}</td>)}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr><td class="quiet">{t("page.results.mean")}</td><td class="number quiet">{whole(measures.n)}</td>
              {[measures.precision_macro, measures.recall_macro, measures.f1_macro].map((mean, k) => <td class="number quiet" key={k}>{percent(mean)}</td>)}</tr>
          </tfoot>
        </table>
      </div>
    </section>
  );
}
