// Samples of two features, each class with a mark of its own.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { DataSet } from "../api";
import { t, whole } from "../texts";
import { colour, useTheme } from "./ink";
import { useSamples } from "./samples";
import "./parts.css";

type Mark = (context: CanvasRenderingContext2D, x: number, y: number) => void;
const R = 1.9;
const SHOWN = 240;
const MARKS: Mark[] = [
  (c, x, y) => { c.beginPath(); c.arc(x, y, R, 0, 7); c.fill(); },
  (c, x, y) => { c.beginPath(); c.arc(x, y, R, 0, 7); c.stroke(); },
  (c, x, y) => { c.beginPath(); c.moveTo(x - R, y - R); c.lineTo(x + R, y + R); c.moveTo(x + R, y - R); c.lineTo(x - R, y + R); c.stroke(); },
  (c, x, y) => { c.beginPath(); c.moveTo(x, y - R); c.lineTo(x + R, y + R); c.lineTo(x - R, y + R); c.closePath(); c.fill(); },
];

export function Scatter({ data, side }: { data: DataSet; side: number }) {
  const [index, label] = [data.sample.index.slice(0, SHOWN), data.sample.label];
  const { samples } = useSamples(`data/${data.name}`, "train", data.form, 2, index);
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useLayoutEffect(() => {
    const [context, ratio] = [canvas.current!.getContext("2d")!, devicePixelRatio];
    context.canvas.width = context.canvas.height = side * ratio;
    context.scale(ratio, ratio);
    if (!samples?.length) return;
    context.fillStyle = context.strokeStyle = colour("ink");
    context.lineWidth = 1.1;
    const across = (axis: number, from: number, to: number) => {
      const values = samples.map((sample) => sample[axis]);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return (value: number) => from + ((value - low) / (high - low || 1)) * (to - from);
    };
    const [x, y] = [across(0, 4, side - 4), across(1, side - 4, 4)];
    samples.forEach((sample, k) => MARKS[label[k] % MARKS.length](context, x(sample[0]), y(sample[1])));
  }, [samples, theme, side]);
  return (
    <canvas ref={canvas} class="p-scatter" style={{ width: `${side}px`, height: `${side}px` }} role="img"
      aria-label={t("page.scatter", { n: whole(index.length), data: data.title })} />
  );
}
