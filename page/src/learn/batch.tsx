// Panel 1: the samples of the last batch in its order, the wrong ones marked.
import { useRef } from "preact/hooks";
import { t, whole } from "../texts";
import { Board, type Canvases } from "./board";
import { type Grid, grid } from "./grid";
import { type Size, era, ratio, repaint, write } from "./paint";
import { Panel } from "./panel";
import { type Pixels, Atlas } from "./pixels";
import type { Batch } from "./reel";
import { type Past, alive } from "./store";
import { STRIP, type Tile, drawAt } from "./tiles";

const MOST = 88; // css pixels of a tile, where a batch has few
const PATIENCE = 400; // ms for which the batch before is left there while pixels of the next are on their way
interface Props { past: Past; pixels: Pixels | null; pictures: boolean; classes: string[]; work: (tile: Tile) => void }

export function BatchPanel({ past, pixels, pictures, classes, work }: Props) {
  const note = useRef<HTMLElement>(null);
  const drawn = useRef({ frame: null as Batch | null, era: -1, pending: true, grid: null as Grid | null, atlas: null as Atlas | null, most: 0, waits: 0 });

  function paint({ base, emptied }: Canvases, size: Size): Grid | null {
    const frame = past.batches.at(past.cursor.value), was = drawn.current, n = frame?.tiles.index.length ?? 0;
    const on = base.getContext("2d")!;
    if (!frame || (pictures && !pixels)) {
      on.clearRect(0, 0, base.width, base.height);
      if (past.ready.value) write(note.current, t(alive(past.now.value.status) ? "page.learn.nothing-yet" : "page.learn.nothing"));
      return null;
    }
    if (frame === was.frame && era === was.era && !was.pending && !emptied) return was.grid;
    const dots = ratio();
    const native: [number, number] = pixels ? [pixels.form.width, pixels.form.height] : [1, 1];
    const area: [number, number] = [Math.round(size.width * dots), Math.round(size.height * dots)];
    if (emptied || !was.grid || was.most < n) { // an epoch's last batch may have fewer: its tiles are no larger
      was.most = Math.max(n, was.most);
      was.grid = grid(was.most, area, native, STRIP * dots, Math.round((pixels ? 2 : 8) * dots), MOST * dots);
    }
    if (pixels && !was.atlas) was.atlas = new Atlas(pixels, 100);
    const there = Array.from({ length: n }, (_, i) => was.atlas?.put(i, frame.tiles.index[i]) ?? true);
    was.pending = there.includes(false);
    if (was.pending && was.frame && era === was.era && !emptied) {
      if (!was.waits) setTimeout(repaint, PATIENCE + 20);
      was.waits ||= performance.now();
      if (performance.now() - was.waits < PATIENCE) return was.grid;
    }
    was.waits = 0;
    on.clearRect(0, 0, base.width, base.height);
    let wrong = 0;
    for (let i = 0; i < n; i++) {
      const tile = tileOf(frame, i);
      if (tile.answer !== tile.label) wrong++;
      drawAt(on, was.grid, i, tile, classes, pixels && ((on, x, y, w, h) => {
        if (there[i]) was.atlas!.draw(on, i, x, y, w, h);
        return there[i];
      }));
    }
    was.frame = frame;
    was.era = era;
    write(note.current, t("page.learn.wrong-of", { wrong: whole(wrong), n: whole(n) }));
    return was.grid;
  }

  const say = () => {
    const frame = past.batches.at(past.cursor.value);
    if (!frame) return t("page.learn.nothing-yet");
    const { label, answer } = frame.tiles, wrong = answer.filter((one, i) => one !== label[i]).length;
    return t("page.learn.batch.say", { step: whole(frame.step), wrong: whole(wrong), n: whole(label.length) });
  };
  const title = t("page.learn.batch");
  return (
    <Panel name="batch" title={title} note={note} say={say} plain>
      <Board
        label={title} paint={paint} pixels={pixels} classes={classes} work={work}
        tile={(place) => {
          const frame = drawn.current.frame;
          return frame && place < frame.tiles.index.length ? tileOf(frame, place) : null;
        }}
      />
    </Panel>
  );
}

const tileOf = ({ tiles }: Batch, i: number) => ({ index: tiles.index[i], label: tiles.label[i], answer: tiles.answer[i] });
