// A cell for each pair of values, the stronger the higher the accuracy of its best trial. The arrow keys move in it.
import { useRef, useState } from "preact/hooks";
import type { SearchDetails, SearchField, Trial } from "../api";
import { t, whole } from "../texts";
import { best, counts, endsOf, going, isNumber, keyOf, nameOf, ordered, settings, share, short } from "./fields";
import { Key } from "./key";

interface Props { search: SearchDetails; x: SearchField; y: SearchField | null; chosen: number | null; onChoose: (number: number) => void }
type Kind = "value" | "diverged" | "dropped" | "unfinished" | "waiting";
interface Cell { column: number; row: number; trials: Trial[]; top: Trial | null; kind: Kind; open: boolean }

const INVERTED = 48; // per cent of the strong end from which the sign on it is dark, where the theme is

export function Heat({ search, x, y, chosen, onChoose }: Props) {
  const table = useRef<HTMLTableElement>(null);
  const [focus, setFocus] = useState({ column: 0, row: 0 });
  const [near, setNear] = useState<{ column: number; row: number } | null>(null);
  const across = ordered(x), up = y ? upwards(y) : [null];
  const cells = cellsOf(search, x, y, across, up);
  const at = (column: number, row: number) => cells[row * across.length + column];
  const done = cells.flatMap((cell) => (cell.top ? [cell.top.accuracy!] : []));
  const ends = endsOf(done), winner = best(search.trials), running = going(search);
  const here = { column: Math.min(focus.column, across.length - 1), row: Math.min(focus.row, up.length - 1) };

  const move = (event: KeyboardEvent, { column, row }: Cell) => {
    const to: Record<string, [number, number]> = {
      ArrowUp: [column, row - 1], ArrowDown: [column, row + 1], ArrowLeft: [column - 1, row], ArrowRight: [column + 1, row],
      Home: [0, row], End: [across.length - 1, row],
    };
    const next = to[event.key];
    if (!next) return;
    event.preventDefault();
    const [c, r] = [Math.max(0, Math.min(next[0], across.length - 1)), Math.max(0, Math.min(next[1], up.length - 1))];
    setFocus({ column: c, row: r });
    table.current!.querySelector<HTMLElement>(`[data-cell="${c} ${r}"]`)!.focus();
  };
  const values = (cell: Cell) =>
    [`${nameOf(x.field)} ${short(across[cell.column])}`, y && `${nameOf(y.field)} ${short(up[cell.row])}`].filter(Boolean).join(", ");
  const says = (cell: Cell): string => {
    const many = cell.trials.length > 1 ? ` ${t("page.search.cell.of", { n: whole(cell.trials.length) })}` : "";
    if (cell.top) return t("page.search.cell", { values: values(cell), share: share(cell.top.accuracy, search), k: whole(cell.top.number) }) + many;
    return `${values(cell)}: ${cell.trials.length ? t(`page.search.trial.${cell.kind}`) : t("page.search.cell.none")}`;
  };
  const read = near ? at(near.column, near.row) : null;

  return (
    <div class="s-heat" data-tall={up.length <= 6} data-many={across.length > 12} data-numbers={!y || y.values.every(isNumber)}>
      {y && <p class="s-axis-y small quiet">{nameOf(y.field)}</p>}
      <div class="r-scroll s-scroll">
        <table ref={table} role="grid" style={{ minWidth: `calc(3.6rem + ${across.length} * 0.75rem)` }} aria-label={t("page.search.heat", { across: nameOf(x.field), up: y ? nameOf(y.field) : "–" })} onMouseLeave={() => setNear(null)}>
          <tbody>
            {up.map((value, row) => (
              <tr key={keyOf(value)}>
                {y && <th scope="row">{short(value)}</th>}
                {across.map((_, column) => {
                  const cell = at(column, row), { top, kind } = cell;
                  const strong = top ? Math.round(100 * Math.max(0, Math.min(1, (top.accuracy! - ends.low) / (ends.high - ends.low)))) : 0;
                  const marks = [top && top === winner && "s-won", !running && top?.verdict === "tie" && "s-tied", cell.open && "s-open"];
                  return (
                    <td key={column} role="gridcell">
                      <button
                        class={["s-cell", `s-${kind}`, ...marks].filter(Boolean).join(" ")} data-cell={`${column} ${row}`} data-strong={strong >= INVERTED}
                        style={{ "--share": `${strong}%` }} tabIndex={here.column === column && here.row === row ? 0 : -1}
                        aria-pressed={chosen !== null && cell.trials.some((one) => one.number === chosen)} aria-disabled={!cell.trials.length} aria-label={says(cell)}
                        onKeyDown={(event) => move(event, cell)} onFocus={() => { setFocus(cell); setNear(cell); }} onBlur={() => setNear(null)}
                        onMouseEnter={() => setNear(cell)} onClick={() => { const one = top ?? cell.trials[0]; if (one) onChoose(one.number); }}
                      >
                        <span>{top ? share(top.accuracy, search).replace(/\u00a0%$/, "") : kind === "waiting" ? "" : cell.trials.length ? t(`page.search.trial.${kind}`) : "·"}</span>
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>{y && <td />}{across.map((value) => <th key={keyOf(value)} scope="col"><span>{short(value)}</span></th>)}</tr>
          </tfoot>
        </table>
      </div>
      <p class="s-axis-x small quiet">{nameOf(x.field)}</p>
      <p class="s-read small" aria-hidden="true">
        {read ? <>{says(read)}{read.top && <span class="quiet"> {settings(read.top, [x.field, y?.field ?? ""])}</span>}</> : <span class="quiet">{t("page.search.map.how")}</span>}
      </p>
      <Key ends={done.length ? ends : null} search={search} ties={!running && cells.some((cell) => cell.top?.verdict === "tie")}
        best={winner !== null} kinds={["diverged", "dropped", "unfinished"].filter((kind) => cells.some((cell) => cell.kind === kind && cell.trials.length))} />
    </div>
  );
}

/** Numbers grow upwards, as on an axis; words are read from above. */
const upwards = (y: SearchField): unknown[] => (y.values.every(isNumber) ? ordered(y).slice().reverse() : ordered(y));

function cellsOf(search: SearchDetails, x: SearchField, y: SearchField | null, across: unknown[], up: unknown[]): Cell[] {
  const places = [new Map(across.map((value, i) => [keyOf(value), i])), new Map(up.map((value, i) => [keyOf(value), i]))];
  const groups: Trial[][] = Array.from({ length: across.length * up.length }, () => []);
  for (const trial of search.trials) {
    const column = places[0].get(keyOf(trial.values[x.field])), row = y ? places[1].get(keyOf(trial.values[y.field])) : 0;
    if (column !== undefined && row !== undefined) groups[row * across.length + column].push(trial);
  }
  return groups.map((trials, i) => {
    const top = best(trials), open = going(search) && trials.some((one) => one.status === "waiting" || one.status === "running");
    return { column: i % across.length, row: Math.floor(i / across.length), trials, top, open, kind: top ? "value" : kindOf(trials, open) };
  });
}

function kindOf(trials: Trial[], open: boolean): Kind {
  if (open) return "waiting";
  if (trials.some((one) => one.status === "dropped")) return "dropped";
  return trials.length && trials.every((one) => one.status === "diverged" || counts(one)) ? "diverged" : "unfinished";
}
