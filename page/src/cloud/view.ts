// Where a point of the cloud is on the canvas: zoom and pan, and the way between the two. Lengths are css pixels.
import type { Size } from "../learn/paint";

export type Point = [number, number];
/** How many times larger than the whole; and which point of the cloud is in the middle. */
export interface View { zoom: number; middle: Point }

export const MOST = 40;
const EDGE = 34;

/** All of the cloud. */
export const whole = (): View => ({ zoom: 1, middle: [0, 0] });

/** Pixels for one unit of the cloud; its upwards is the canvas's downwards. */
export function scale(points: Point[], size: Size, zoom: number): number {
  const spread = [0, 1].map((k) => {
    const values = points.map((point) => point[k]);
    return Math.max(...values) - Math.min(...values) || 1;
  });
  return zoom * Math.max(1, Math.min((size.width - 2 * EDGE) / spread[0], (size.height - 2 * EDGE) / spread[1]));
}

export const placed = ([x, y]: Point, { middle }: View, pixels: number, size: Size): Point =>
  [size.width / 2 + (x - middle[0]) * pixels, size.height / 2 - (y - middle[1]) * pixels];

const within = ([x, y]: Point): Point => [x, y].map((value) => Math.max(-0.5, Math.min(0.5, value))) as Point;

/** Moved by so many pixels. */
export const moved = (view: View, dx: number, dy: number, pixels: number): View =>
  ({ zoom: view.zoom, middle: within([view.middle[0] - dx / pixels, view.middle[1] + dy / pixels]) });

/** `by` times larger; what lies at `at` stays there. `pixels`: those of a unit before. */
export function zoomed(view: View, by: number, at: Point, pixels: number, size: Size): View {
  const zoom = Math.max(1, Math.min(MOST, view.zoom * by));
  if (zoom === 1) return whole();
  const share = (1 - view.zoom / zoom) / pixels;
  return { zoom, middle: within([view.middle[0] + (at[0] - size.width / 2) * share, view.middle[1] - (at[1] - size.height / 2) * share]) };
}

/** The nearest in a direction: 0 right, 1 down, 2 left, 3 up; or −1. */
export function towards(from: Point, all: Point[], way: number): number {
  const [ax, ay] = [[1, 0], [0, 1], [-1, 0], [0, -1]][way];
  let best = -1, least = Infinity;
  all.forEach(([x, y], i) => {
    const along = (x - from[0]) * ax + (y - from[1]) * ay, aside = Math.abs((x - from[0]) * ay) + Math.abs((y - from[1]) * ax);
    if (along <= 0.5 || aside > 2 * along) return;
    if (along + 2 * aside < least) [best, least] = [i, along + 2 * aside];
  });
  return best;
}
