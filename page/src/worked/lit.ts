// What a number came from, lit up while it is pointed at or focused; the arrow keys go from one to the next.
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Sheet, SheetLine, SheetNumber } from "../api";

export const isLine = (block: Sheet["sections"][0]["blocks"][0]): block is SheetLine => typeof block === "object" && "result" in block;

/** What stands in a line, as it is read. */
export const read = (line: SheetLine): string =>
  `${line.left} = ${line.parts.map((part) => (typeof part === "string" ? part : part.text)).join("")} = ${line.result.text}`;

interface Known { number: SheetNumber; line: SheetLine | null }

/** Every number of the sheet by its id, with the line that it stands in. */
function numbersOf(sheet: Sheet | null): Map<string, Known> {
  const found = new Map<string, Known>();
  for (const block of sheet?.sections.flatMap((section) => section.blocks) ?? []) {
    if (typeof block === "string") continue;
    const line = isLine(block) ? block : null;
    const parts = line ? [...line.parts, line.result] : "rows" in block ? block.rows.flat() : [];
    for (const part of parts) if (typeof part !== "string") found.set(part.id, { number: part, line });
  }
  return found;
}

export interface Lit { places: number[][]; from: string }
const NONE: Lit = { places: [], from: "" };

export function useLit(host: RefObject<HTMLElement>, sheet: Sheet | null) {
  const known = useMemo(() => numbersOf(sheet), [sheet]);
  const [lit, setLit] = useState<Lit>(NONE);
  const at = useRef("");
  const all = () => [...host.current!.querySelectorAll<HTMLElement>(".w-n")];
  const element = (id: string) => host.current!.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`);
  const came = (id: string) => known.get(id)?.number.came ?? [];

  function light(id: string) {
    if (id === at.current) return;
    at.current = id;
    for (const old of host.current!.querySelectorAll(".w-lit, .w-here")) old.classList.remove("w-lit", "w-here");
    const one = known.get(id);
    if (!one) return setLit(NONE);
    element(id)?.classList.add("w-here");
    for (const from of came(id)) element(from)?.classList.add("w-lit");
    const near = [id, ...came(id), ...came(id).flatMap(came)];
    const places = near.map((other) => known.get(other)!.number.place).filter((place) => place.length > 0);
    const line = one.number.fill ? null : known.get(came(id)[0] ?? "")?.line; // of a result that is used here
    const texts = came(id).map((other) => known.get(other)!.number.text);
    setLit({ places, from: line ? `(${line.name}) ${read(line)}` : texts.length ? `${one.number.text} ← ${texts.join("; ")}` : "" });
  }
  /** The one number that Tab comes to. */
  function stop(to: HTMLElement) {
    for (const other of host.current!.querySelectorAll('.w-n[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    to.setAttribute("tabindex", "0");
  }
  function go(to: HTMLElement | undefined | null) {
    if (!to) return;
    stop(to);
    to.focus({ preventScroll: true });
    to.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const numberAt = (event: Event) => (event.target as HTMLElement).closest<HTMLElement>(".w-n");
  /** A result that is used goes to the line where it came out. */
  function origin(id: string) {
    const one = known.get(id)?.number;
    if (one && !one.fill && one.came.length) go(element(one.came[0]));
  }

  useEffect(() => { if (sheet) stop(all()[0]); }, [sheet]);
  return {
    lit,
    handlers: {
      onPointerOver: (event: PointerEvent) => light(numberAt(event)?.dataset.id ?? ""),
      onPointerLeave: () => light(""),
      onFocusIn: (event: FocusEvent) => light(numberAt(event)?.dataset.id ?? ""),
      onFocusOut: () => light(""),
      onClick: (event: MouseEvent) => { const to = numberAt(event); if (to) { go(to); origin(to.dataset.id!); } },
      onKeyDown: (event: KeyboardEvent) => {
        const from = numberAt(event);
        if (!from) return;
        const numbers = all(), k = numbers.indexOf(from);
        const to: Record<string, number> = { ArrowRight: k + 1, ArrowDown: k + 1, ArrowLeft: k - 1, ArrowUp: k - 1, Home: 0, End: numbers.length - 1 };
        if (event.key in to) go(numbers[to[event.key]]);
        else if (event.key === "Enter") origin(from.dataset.id!);
        else return;
        event.preventDefault();
      },
    },
  };
}
