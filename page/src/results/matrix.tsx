// The confusion matrix. The arrow keys move in it; errors are shaded by the root of their share of the largest, so that few show too.
import { useRef, useState } from "preact/hooks";
import { t, whole } from "../texts";

export interface Cell { label: number; answer: number }
interface Props { confusion: number[][]; classes: string[]; chosen: Cell | null; onOpen: ((cell: Cell) => void) | null }

export function Matrix({ confusion, classes, chosen, onOpen }: Props) {
  const table = useRef<HTMLTableElement>(null);
  const [focus, setFocus] = useState<Cell>({ label: 0, answer: 0 });
  const most = Math.max(1, ...confusion.flatMap((row, i) => row.filter((_, j) => i !== j)));
  const long = Math.max(...classes.map((name) => name.length)) > 3;
  const upright = long && classes.length > 5; // the names of the columns need room
  const form = ["r-matrix", classes.length === 2 && "r-binary", long && "r-long", upright && "r-upright"].filter(Boolean).join(" ");
  const last = classes.length - 1;

  const move = (event: KeyboardEvent, { label, answer }: Cell) => {
    const to: Record<string, Cell> = {
      ArrowUp: { label: Math.max(0, label - 1), answer }, ArrowDown: { label: Math.min(last, label + 1), answer },
      ArrowLeft: { label, answer: Math.max(0, answer - 1) }, ArrowRight: { label, answer: Math.min(last, answer + 1) },
      Home: { label, answer: 0 }, End: { label, answer: last },
    };
    const next = to[event.key];
    if (!next) return;
    event.preventDefault();
    setFocus(next);
    table.current!.querySelector<HTMLElement>(`[data-cell="${next.label} ${next.answer}"]`)!.focus();
  };

  const inside = (n: number, cell: Cell) => {
    const { label, answer } = cell;
    const figure = <>{n ? whole(n) : "·"}{classes.length === 2 && <small>{t(`page.results.${["tn", "fp", "fn", "tp"][2 * label + answer]}`)}</small>}</>;
    if (!onOpen) return <span class="r-cell">{figure}</span>;
    const here = chosen?.label === label && chosen.answer === answer;
    return (
      <button
        class="r-cell" data-cell={`${label} ${answer}`} tabIndex={focus.label === label && focus.answer === answer ? 0 : -1} aria-pressed={here} aria-disabled={n === 0}
        aria-label={t("page.results.cell", { label: classes[label], answer: classes[answer], n: whole(n) })}
        onKeyDown={(event) => move(event, cell)} onFocus={() => setFocus(cell)} onClick={() => { if (n) onOpen(cell); }}
      >{figure}</button>
    );
  };

  return (
    <div class="r-scroll">
      <table ref={table} class={form} role={onOpen ? "grid" : undefined} aria-label={t("page.results.matrix")}>
        <thead>
          <tr><td class="r-corner" /><th class="r-axis" colSpan={classes.length} scope="colgroup">{t("col.answer")}</th></tr>
          <tr><th class="r-axis r-corner">{t("page.results.label")}</th>{classes.map((name) => <th key={name} scope="col"><span>{name}</span></th>)}</tr>
        </thead>
        <tbody>
          {confusion.map((row, label) => {
            const all = row.reduce((sum, n) => sum + n, 0) || 1;
            return (
              <tr key={classes[label]}>
                <th scope="row">{classes[label]}</th>
                {row.map((n, answer) => (
                  <td key={answer} role={onOpen ? "gridcell" : undefined} class={label === answer ? "r-right" : n ? "r-wrong" : "r-zero"}
                    style={{ "--share": `${Math.round(label === answer ? (26 * n) / all : 8 + 50 * Math.sqrt(n / most))}%` }}>
                    {inside(n, { label, answer })}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
