// Panel 2: what the model answers for up to 1,000 validation samples, the wrong ones first, and how much of them is right.
import { useMemo, useRef } from "preact/hooks";
import type { RunDetails } from "../api";
import { percent, t, whole } from "../texts";
import { Age } from "./age";
import { AnswerBoard } from "./answers";
import { Board, type Canvases } from "./board";
import { type Size, ratio, write } from "./paint";
import { Panel } from "./panel";
import type { Pixels } from "./pixels";
import type { Past } from "./store";
import type { Tile } from "./tiles";

interface Props { past: Past; run: RunDetails; pixels: Pixels | null; pictures: boolean; classes: string[]; work: (tile: Tile) => void }

export function ValidationPanel({ past, run, pixels, pictures, classes, work }: Props) {
  const note = useRef<HTMLElement>(null), scale = useRef<HTMLDivElement>(null), at = useRef<HTMLSpanElement>(null);
  const board = useMemo(
    () => (run.board && (pixels || !pictures) ? new AnswerBoard(run.board, pixels, classes) : null),
    [run.id, run.board?.index.length, pixels, classes.length],
  );

  function paint(canvases: Canvases, size: Size) {
    const frame = past.answers.at(past.cursor.value);
    if (!frame || !board) {
      canvases.base.getContext("2d")!.clearRect(0, 0, canvases.base.width, canvases.base.height);
      if (past.ready.value) write(note.current, t("page.learn.nothing-yet"));
      return null;
    }
    const grid = board.paint(canvases, size, frame), { wrong, n } = board.order;
    const right = 1 - wrong / n, height = (grid.rows * grid.cell[1]) / ratio();
    write(note.current, t("page.learn.wrong-of", { wrong: whole(wrong), n: whole(n) }));
    write(at.current, percent(right));
    const bar = scale.current!;
    bar.style.height = `${height}px`;
    bar.style.marginLeft = `${(grid.columns * grid.cell[0]) / ratio() - size.width}px`; // beside the tiles
    bar.style.setProperty("--share", right.toFixed(4));
    bar.style.setProperty("--down", `${Math.min(height - 16, Math.max(0, (1 - right) * height - 8))}px`);
    bar.dataset.ready = "true";
    return grid;
  }

  const say = () => {
    if (!board?.frame) return t("page.learn.nothing-yet");
    const { wrong, n } = board.order;
    return t("page.learn.validation.say", {
      step: whole(board.frame.step), wrong: whole(wrong), n: whole(n), accuracy: percent(1 - wrong / n),
    });
  };
  const title = t("page.learn.validation");
  return (
    <Panel name="validation" title={title} note={note} say={say} aside={<Age past={past} />} plain>
      <div class="l-scaled">
        <Board
          label={title} paint={paint} pixels={pixels} classes={classes} work={work}
          tile={(place) => (board?.frame && place < board.order.n ? board.tile(board.order.at[place]) : null)}
          find={(index) => (board ? board.order.place[run.board!.index.indexOf(index)] : -1)}
        />
        <div class="l-scale" ref={scale} aria-hidden="true">
          <span class="l-scale-bar" /><span class="l-scale-at number" ref={at} />
        </div>
      </div>
    </Panel>
  );
}
