// The page's colours on a canvas, and samples as they are painted with them.
import { signal } from "@preact/signals";
import type { Form } from "../api";

export type Grid = Pick<Form, "channels" | "height" | "width">;

export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const turn = signal(0);
const changed = () => { turn.value++; };
addEventListener("theme", changed);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);

/** A number that grows when the colours have changed: a key for effects that paint. */
export const useTheme = (): number => turn.value;

/** Light signs on black, as MNIST's digits are: the first pictures' borders are dark. */
export function areSigns(samples: ArrayLike<number>[], { channels, height, width }: Grid): boolean {
  if (channels !== 1) return false;
  const border: number[] = [];
  for (const bytes of samples.slice(0, 20)) {
    for (let x = 0; x < width; x++) border.push(bytes[x], bytes[(height - 1) * width + x]);
    for (let y = 0; y < height; y++) border.push(bytes[y * width], bytes[y * width + width - 1]);
  }
  return border.reduce((sum, value) => sum + value, 0) < 48 * border.length;
}

/** C×H×W in, a picture out: signs as ink on whatever lies beneath (255 is full ink), all else as it is. */
export function painted(bytes: ArrayLike<number>, { channels, height, width }: Grid, signs: boolean): ImageData {
  const [picture, size] = [new ImageData(width, height), width * height];
  const ink = [1, 3, 5].map((at) => parseInt(colour("ink").slice(at, at + 2), 16));
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < 3; k++) picture.data[4 * i + k] = signs ? ink[k] : bytes[channels >= 3 ? k * size + i : i];
    picture.data[4 * i + 3] = signs ? bytes[i] : 255;
  }
  return picture;
}
