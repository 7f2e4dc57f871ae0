// A board of tiles: hover, focus or the arrow keys show one large, a click or Enter pins it.
import { useRef, useState } from "preact/hooks";
import { t } from "../texts";
import { type Grid, corner, hit } from "./grid";
import { type Size, fit, ratio, repaint, usePainter } from "./paint";
import type { Pixels } from "./pixels";
import { Popover } from "./popover";
import type { Tile } from "./tiles";

export interface Canvases { base: HTMLCanvasElement; over: HTMLCanvasElement; emptied: boolean }
export interface BoardProps {
  label: string;
  /** Draw, and say how the tiles lie; null while there is nothing to show. */
  paint: (canvases: Canvases, size: Size) => Grid | null;
  tile: (place: number) => Tile | null;
  /** Where the tile of a sample lies now; without it a pinned tile is kept as it was. */
  find?: (index: number) => number;
  /** Show the worked numbers of a tile's sample. */
  work: (tile: Tile) => void;
  pixels: Pixels | null;
  classes: string[];
}
interface Pick { place: number; tile: Tile; pinned: boolean }

export function Board({ label, paint, tile, find, work, pixels, classes }: BoardProps) {
  const host = useRef<HTMLDivElement>(null), base = useRef<HTMLCanvasElement>(null), over = useRef<HTMLCanvasElement>(null);
  const g = useRef<Grid | null>(null), size = useRef<Size>({ width: 0, height: 0 });
  const [pick, setPick] = useState<Pick | null>(null);
  const picked = useRef(pick);
  picked.current = pick;

  usePainter(host, (now) => {
    const emptied = [fit(base.current!, now), fit(over.current!, now)].some(Boolean);
    size.current = { ...now };
    g.current = paint({ base: base.current!, over: over.current!, emptied }, now);
    follow();
  });

  /** What is shown large keeps up with the board. */
  function follow() {
    const old = picked.current;
    if (!old || (old.pinned && !find)) return;
    const place = old.pinned && find ? find(old.tile.index) : old.place, found = tile(place);
    if (!found) setPick(null);
    else if (place !== old.place || !same(found, old.tile)) setPick({ ...old, place, tile: found });
  }
  function show(place: number, pinned = false) {
    const found = place >= 0 ? tile(place) : null;
    setPick(found && { place, tile: found, pinned });
  }
  function at(event: PointerEvent | MouseEvent): number {
    const box = base.current!.getBoundingClientRect(), dots = ratio();
    return g.current ? hit(g.current, (event.clientX - box.left) * dots, (event.clientY - box.top) * dots) : -1;
  }
  function key(event: KeyboardEvent) {
    const grid = g.current;
    if (!grid) return;
    const from = pick?.place ?? 0;
    const to: Record<string, number> = {
      ArrowLeft: from - 1, ArrowRight: from + 1, ArrowUp: from - grid.columns, ArrowDown: from + grid.columns,
      Home: 0, End: grid.n - 1,
    };
    if (event.key in to) show(Math.min(grid.n - 1, Math.max(0, to[event.key])));
    else if (event.key === "Enter" || event.key === " ") show(from, !pick?.pinned);
    else if (event.key === "Escape") setPick(null);
    else return;
    event.preventDefault();
  }

  const grid = g.current, dots = ratio();
  const box = pick && grid && {
    x: corner(grid, pick.place)[0] / dots, y: corner(grid, pick.place)[1] / dots,
    width: grid.picture[0] / dots, height: grid.picture[1] / dots,
  };
  return (
    <div
      class="l-board" ref={host} tabIndex={0} role="application" aria-label={`${label}. ${t("page.learn.board.keys")}`}
      onPointerMove={(event) => { if (event.pointerType !== "touch" && !pick?.pinned) show(at(event)); }}
      onPointerLeave={() => { if (!pick?.pinned) setPick(null); }}
      onClick={(event) => {
        const place = at(event);
        if (pick?.pinned && place === pick.place) setPick(null);
        else show(place, true);
        repaint();
      }}
      onKeyDown={key} onFocus={() => { if (!pick && host.current!.matches(":focus-visible")) show(0); }} onBlur={() => { if (!pick?.pinned) setPick(null); }}
    >
      <canvas class="l-canvas" ref={base} aria-hidden="true" />
      <canvas class="l-canvas" ref={over} aria-hidden="true" />
      {box && <div class="l-ring" style={{ transform: `translate(${box.x}px, ${box.y}px)`, width: box.width, height: box.height }} />}
      <Popover tile={pick?.tile ?? null} pinned={pick?.pinned ?? false} work={work} box={box} room={size.current} pixels={pixels} classes={classes} />
    </div>
  );
}

const same = (a: Tile, b: Tile) => a.index === b.index && a.answer === b.answer && a.label === b.label;
