// How n tiles fill an area, in the device's pixels.

export interface Grid {
  n: number; columns: number; rows: number;
  cell: [number, number]; // from tile to tile
  picture: [number, number];
  strip: number; // under a picture, for its label and answer; 0 where tiles are too small to read them
}

const TINY = 16; // pixels of a picture that is a blur at any other size

/** The largest tiles with which `n` of them fit; `native` is the picture's own size, `strip` the height of a line. */
export function grid(n: number, area: [number, number], native: [number, number], strip: number, gap: number, most: number): Grid {
  const [width, height] = area, aspect = native[1] / native[0];
  let best = 0, columns = 1;
  for (let c = 1; c <= n; c++) {
    const w = Math.min(Math.floor(width / c) - gap, (Math.floor(height / Math.ceil(n / c)) - gap - strip) / aspect);
    if (w > best) { best = w; columns = c; }
  }
  let w = Math.max(1, Math.floor(Math.min(best, most)));
  const whole = Math.floor(w / native[0]) * native[0];
  if (whole >= w * (native[0] < TINY ? 0.6 : 0.78)) w = whole; // a whole multiple of the picture's pixels is crisp
  const h = Math.max(1, Math.round(w * aspect));
  return { n, columns, rows: Math.ceil(n / columns), cell: [w + gap, h + strip + gap], picture: [w, h], strip };
}

/** The upper left corner of a place. */
export const corner = (g: Grid, place: number): [number, number] =>
  [(place % g.columns) * g.cell[0], Math.floor(place / g.columns) * g.cell[1]];

/** The place at a point; -1 where there is none. */
export function hit(g: Grid, x: number, y: number): number {
  const column = Math.floor(x / g.cell[0]), row = Math.floor(y / g.cell[1]), place = row * g.columns + column;
  return x >= 0 && y >= 0 && column < g.columns && place < g.n ? place : -1;
}
