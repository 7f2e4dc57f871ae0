// Samples of a data set side by side in one canvas.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { DataSet } from "../api";
import { t, whole } from "../texts";
import { areSigns, painted, useTheme } from "./ink";
import { inTurn, useSamples } from "./samples";
import { scaleFor } from "./tile";
import "./parts.css";

/** `width`: how many pixels it may take; a tile is about `side` of them. */
export function Mosaic({ data, width, rows, side = 28 }: { data: DataSet; width: number; rows: number; side?: number }) {
  const { form } = data;
  const scale = scaleFor(form.width, side);
  const gap = Math.max(1, Math.round(form.width / 14));
  const columns = Math.max(1, Math.floor((width / scale + gap) / (form.width + gap)));
  const places = inTurn(data.sample.label, rows * columns);
  const { samples } = useSamples(`data/${data.name}`, "train", form, form.channels * form.height * form.width, places.map((at) => data.sample.index[at]));
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useLayoutEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    if (!samples) return;
    const signs = areSigns(samples, form);
    samples.forEach((sample, k) => {
      context.putImageData(painted(sample, form, signs), (k % columns) * (form.width + gap), Math.floor(k / columns) * (form.height + gap));
    });
  }, [samples, theme, columns]);
  const size = [columns * (form.width + gap) - gap, rows * (form.height + gap) - gap];
  return (
    <canvas
      ref={canvas} class={scale < 1 ? "p-mosaic" : "p-mosaic p-crisp"} width={size[0]} height={size[1]} role="img"
      aria-label={t("page.mosaic", { n: whole(places.length), data: data.title })}
      style={{ width: `${size[0] * scale}px`, aspectRatio: `${size[0]} / ${size[1]}` }}
    />
  );
}
