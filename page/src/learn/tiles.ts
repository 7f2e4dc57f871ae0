// One tile of a board, of a picture or of a row of a table; wrong ones say so by more than colour.
import { type Grid, corner } from "./grid";
import { inks, ratio, thin } from "./paint";

export interface Tile { index: number; label: number; answer: number }
/** Draws what a sample looks like; false while that is on its way. */
export type Picture = (on: CanvasRenderingContext2D, x: number, y: number, width: number, height: number) => boolean;

/** A class in a few letters: its name where that is short, else its number. */
export const short = (classes: string[], i: number): string => (classes[i]?.length <= 2 ? classes[i] : String(i));

export const STRIP = 12; // css pixels

/** Draw `tile` with its upper left corner at (x, y), over what was there. */
export function drawTile(
  on: CanvasRenderingContext2D, g: Grid, [x, y]: [number, number], tile: Tile, classes: string[], picture: Picture | null,
): void {
  const [w, h] = g.picture, ink = inks(), wrong = tile.answer !== tile.label, dot = ratio();
  on.clearRect(x, y, g.cell[0], g.cell[1]);
  if (wrong) {
    on.fillStyle = thin(ink.wrongLine, 0.26);
    on.fillRect(x, y, w, h);
  }
  const there = picture ? picture(on, x, y, w, h) : mark(on, x, y, w, wrong);
  if (!there) {
    on.fillStyle = thin(ink.hair, 0.5);
    on.fillRect(x, y, w, h);
  }
  if (wrong && w >= 18 * dot) {
    on.strokeStyle = ink.wrongLine;
    on.lineWidth = Math.max(1, Math.round(dot * 1.25));
    const half = on.lineWidth / 2;
    on.strokeRect(x + half, y + half, w - 2 * half, h - 2 * half);
  }
  if (!g.strip || (!wrong && picture)) return;
  on.font = `600 ${11 * dot}px ${ink.sans}`;
  on.textBaseline = "top";
  on.fillStyle = wrong ? ink.right : ink.quiet;
  on.textAlign = "left";
  on.fillText(short(classes, tile.label), x, y + h + 1);
  if (!wrong) return;
  on.fillStyle = ink.wrong;
  on.textAlign = "right";
  on.fillText(short(classes, tile.answer), x + w, y + h + 1);
}

/** ✓ or ✗, drawn: for samples that are no pictures. */
function mark(on: CanvasRenderingContext2D, x: number, y: number, w: number, wrong: boolean): true {
  const ink = inks(), a = x + w * 0.28, b = x + w * 0.72, c = y + w * 0.28, d = y + w * 0.72;
  on.strokeStyle = wrong ? ink.wrong : ink.right;
  on.lineWidth = Math.max(1, w * 0.09);
  on.lineCap = "round";
  on.beginPath();
  if (wrong) {
    on.moveTo(a, c); on.lineTo(b, d); on.moveTo(b, c); on.lineTo(a, d);
  } else {
    on.moveTo(a, y + w * 0.54); on.lineTo(x + w * 0.44, d - w * 0.02); on.lineTo(b, c + w * 0.04);
  }
  on.stroke();
  return true;
}

/** Draw the tile at a place. */
export const drawAt = (
  on: CanvasRenderingContext2D, g: Grid, place: number, tile: Tile, classes: string[], picture: Picture | null,
): void => drawTile(on, g, corner(g, place), tile, classes, picture);
