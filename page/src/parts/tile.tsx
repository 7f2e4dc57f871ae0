// One sample as a small canvas of its own pixels, scaled by the browser: crisp at any pixel ratio.
import { useLayoutEffect, useRef } from "preact/hooks";
import { areSigns, painted, useTheme, type Grid } from "./ink";
import "./parts.css";

/** `side`: about how many pixels wide it is shown; a whole multiple of the sample's own, where that is smaller. */
export const scaleFor = (width: number, side: number): number => (width > side ? side / width : Math.round(side / width));

interface Props { sample: ArrayLike<number> | null; form: Grid; signs?: boolean; side?: number; name?: string }

export function Tile({ sample, form, signs, side = 56, name }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  useLayoutEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    if (sample) context.putImageData(painted(sample, form, signs ?? areSigns([sample], form)), 0, 0);
    else context.clearRect(0, 0, form.width, form.height);
  }, [sample, signs, theme, form.width, form.height, form.channels]);
  const scale = scaleFor(form.width, side);
  return (
    <canvas
      ref={canvas} class={scale < 1 ? "p-tile" : "p-tile p-crisp"} width={form.width} height={form.height}
      style={{ width: `${form.width * scale}px`, height: `${form.height * scale}px` }}
      role={name ? "img" : undefined} aria-label={name} aria-hidden={name ? undefined : true}
    />
  );
}
