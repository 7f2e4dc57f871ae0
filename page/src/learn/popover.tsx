// One tile, large, beside its place; over the board, so that nothing moves.
import { useEffect, useRef } from "preact/hooks";
import { t, whole } from "../texts";
import { type Size, repaint } from "./paint";
import { type Pixels, Atlas } from "./pixels";
import type { Tile } from "./tiles";

const WIDTH = 152, EDGE = 8, BUTTON = 44;
interface Box { x: number; y: number; width: number; height: number }
interface Props { tile: Tile | null; pinned: boolean; work: (tile: Tile) => void; box: Box | null; room: Size; pixels: Pixels | null; classes: string[] }

/** A class by number and, where it has one, by name. */
export const named = (classes: string[], i: number): string =>
  classes[i] === undefined || classes[i] === String(i) ? String(i) : classes[i].length <= 2 ? classes[i] : `${classes[i]} (${i})`;

export function Popover({ tile, pinned, work, box, room, pixels, classes }: Props) {
  if (!tile || !box) return <div class="unseen" aria-live="polite" />;
  const height = (pixels ? 216 : 92) + (pinned ? BUTTON : 0);
  const right = box.x + box.width + EDGE, left = box.x - WIDTH - EDGE;
  const x = right + WIDTH <= room.width || left < 0 ? Math.min(right, Math.max(0, room.width - WIDTH)) : left;
  const y = Math.max(-24, Math.min(box.y + box.height / 2 - height / 2, room.height - height));
  const wrong = tile.answer !== tile.label;
  return (
    <div class="l-popover" data-pinned={pinned} style={{ transform: `translate(${x}px, ${y}px)` }} aria-live="polite">
      {pixels && <Large pixels={pixels} index={tile.index} />}
      <p><span class="quiet">{t("page.learn.label")}</span> <b class="right">{named(classes, tile.label)}</b></p>
      <p>
        <span class="quiet">{t("page.learn.answer")}</span>{" "}
        <b class={wrong ? "wrong" : "right"}>{named(classes, tile.answer)} {wrong ? "✗" : "✓"}</b>
      </p>
      {pinned && (
        <button class="l-work" onPointerDown={(event) => event.stopPropagation()} onClick={(event) => { event.stopPropagation(); work(tile); }} onKeyDown={(event) => event.stopPropagation()}>
          {t("page.worked")}
        </button>
      )}
      <p class="small quiet">{t(pinned ? "page.learn.sample.pinned" : "page.learn.sample", { n: whole(tile.index) })}</p>
    </div>
  );
}

function Large({ pixels, index }: { pixels: Pixels; index: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const atlas = new Atlas(pixels, 1), on = canvas.current!.getContext("2d")!;
    canvas.current!.width = atlas.width;
    canvas.current!.height = atlas.height;
    let timer = 0;
    const draw = () => { // its pixels may still be on their way
      if (atlas.put(0, index)) atlas.draw(on, 0, 0, 0, atlas.width, atlas.height);
      else timer = window.setTimeout(draw, 200);
    };
    draw();
    repaint();
    return () => clearTimeout(timer);
  }, [pixels, index]);
  return <canvas class="l-large" ref={canvas} aria-hidden="true" />;
}
