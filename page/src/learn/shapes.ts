// A shape for each class, so that colour is never the only sign: circle, triangle, square, diamond, as in tiza's figures.

const CORNERS = [0, 3, 4, 4];
const TURN = [0, -Math.PI / 2, Math.PI / 4, 0];

/** Lay the path of class `k` around (x, y). */
export function shape(on: CanvasRenderingContext2D, k: number, x: number, y: number, r: number): void {
  const kind = k % CORNERS.length, n = CORNERS[kind];
  on.beginPath();
  if (!n) { on.arc(x, y, r, 0, 2 * Math.PI); return; }
  for (let i = 0; i < n; i++) {
    const angle = TURN[kind] + (2 * Math.PI * i) / n, far = r * 1.2;
    if (i) on.lineTo(x + far * Math.cos(angle), y + far * Math.sin(angle));
    else on.moveTo(x + far * Math.cos(angle), y + far * Math.sin(angle));
  }
  on.closePath();
}
