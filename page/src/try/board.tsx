// The sheet that is drawn on: mouse, finger or pen.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { colour, useTheme } from "../parts/ink";
import { t } from "../texts";
import { draw, type Point, type Stroke } from "./strokes";

interface Props {
  strokes: Stroke[];
  picture: ImageBitmap | null; // shown instead of the strokes
  hint: string;
  onStroke: (strokes: Stroke[]) => void; // while it grows
}

export function Board({ strokes, picture, hint, onStroke }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const growing = useRef<{ id: number; stroke: Stroke; before: Stroke[] } | null>(null);
  const theme = useTheme();

  const paint = () => {
    const context = canvas.current!.getContext("2d")!;
    const side = Math.round(canvas.current!.clientWidth * devicePixelRatio);
    if (context.canvas.width !== side) context.canvas.width = context.canvas.height = side;
    else context.clearRect(0, 0, side, side);
    if (picture) {
      const scale = side / Math.max(picture.width, picture.height);
      const [width, height] = [picture.width * scale, picture.height * scale];
      context.imageSmoothingEnabled = scale < 2;
      context.drawImage(picture, (side - width) / 2, (side - height) / 2, width, height);
      return;
    }
    context.fillStyle = context.strokeStyle = colour("ink");
    draw(context, strokes, side);
  };
  useLayoutEffect(paint, [strokes, picture, theme]);
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    const watch = new ResizeObserver(() => latest.current());
    watch.observe(canvas.current!);
    return () => watch.disconnect();
  }, []);

  const point = (event: PointerEvent): Point => {
    const box = canvas.current!.getBoundingClientRect();
    const weight = event.pointerType === "pen" && event.pressure > 0 ? 0.65 + 0.7 * event.pressure : 1;
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, weight };
  };
  const begin = (event: PointerEvent) => {
    if (growing.current || event.button !== 0) return;
    event.preventDefault();
    canvas.current!.setPointerCapture(event.pointerId);
    growing.current = { id: event.pointerId, stroke: [point(event)], before: strokes };
    onStroke([...strokes, growing.current.stroke]);
  };
  const grow = (event: PointerEvent) => {
    const now = growing.current;
    if (now?.id !== event.pointerId) return;
    const all = event.getCoalescedEvents?.() ?? [];
    const stroke = [...now.stroke, ...(all.length ? all : [event]).map(point)];
    now.stroke = stroke;
    onStroke([...now.before, stroke]);
  };
  const end = (event: PointerEvent) => { if (growing.current?.id === event.pointerId) growing.current = null; };

  return (
    <div class="t-board">
      <canvas
        ref={canvas} role="img" aria-label={t("page.try.board", { n: strokes.length })}
        onPointerDown={begin} onPointerMove={grow} onPointerUp={end} onPointerCancel={end}
      />
      {!strokes.length && !picture && <p class="quiet" aria-hidden="true">{hint}</p>}
    </div>
  );
}
