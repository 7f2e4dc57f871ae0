// Draws the validation board: only what changed, and tiles that trade places on their way for a moment.
import type { Canvases } from "./board";
import { type Grid, corner, grid } from "./grid";
import { Order } from "./order";
import { type Size, era, moving, ratio, repaint } from "./paint";
import { type Pixels, Atlas } from "./pixels";
import type { Answers } from "./reel";
import { STRIP, type Picture, type Tile, drawTile } from "./tiles";

const MOVE = 200; // ms
const CROWD = 160; // where more tiles change at once, they are just there
const MOST = 64; // css pixels of a tile, where there are few

interface Flight { from: [number, number]; begun: number }

export class AnswerBoard {
  readonly order: Order;
  grid: Grid | null = null;
  frame: Answers | null = null;
  private drawn: Int32Array; // of each place: what stands there, as one number
  private flights = new Map<number, Flight>();
  private atlas: Atlas | null;
  private inAtlas: Uint8Array;
  private era = -1;
  private dirty = false; // something flew over the board in the frame before

  constructor(
    private readonly board: { index: number[]; label: number[] }, private readonly pixels: Pixels | null,
    private readonly classes: string[],
  ) {
    const n = board.index.length;
    this.order = new Order(n);
    this.drawn = new Int32Array(n).fill(-1);
    this.inAtlas = new Uint8Array(n);
    this.atlas = pixels && new Atlas(pixels, n, true);
  }

  tile(sample: number): Tile {
    return { index: this.board.index[sample], label: this.board.label[sample], answer: this.frame!.answers[sample] };
  }

  paint({ base, over, emptied }: Canvases, size: Size, frame: Answers): Grid {
    if (emptied || !this.grid) this.lay(size);
    if (era !== this.era) {
      this.era = era;
      this.inAtlas.fill(0);
      this.drawn.fill(-1);
    }
    if (frame !== this.frame) this.take(frame);
    for (let i = 0; i < this.order.n; i++) this.ready(i);
    const now = performance.now(), top = over.getContext("2d")!, on = base.getContext("2d")!, g = this.grid!;
    if (this.flights.size || this.dirty) top.clearRect(0, 0, over.width, over.height);
    this.dirty = this.flights.size > 0;
    for (const [sample, { from, begun }] of this.flights) {
      const part = (now - begun) / MOVE;
      if (part >= 1) { this.flights.delete(sample); continue; }
      const [x, y] = this.between(sample, from, part);
      drawTile(top, g, [x, y], this.tile(sample), this.classes, this.picture(sample));
    }
    for (let place = 0; place < g.n; place++) {
      const sample = this.order.at[place], flies = this.flights.has(sample);
      const ready = this.ready(sample), key = flies ? -2 : sample * 4096 + this.frame!.answers[sample] * 2 + (ready ? 1 : 0);
      if (this.drawn[place] === key) continue;
      this.drawn[place] = key;
      const at = corner(g, place);
      if (flies) on.clearRect(at[0], at[1], g.cell[0], g.cell[1]);
      else drawTile(on, g, at, this.tile(sample), this.classes, this.picture(sample));
    }
    if (this.flights.size) repaint();
    return g;
  }

  private lay(size: Size): void {
    const dots = ratio(), n = this.order.n;
    const native: [number, number] = this.pixels ? [this.pixels.form.width, this.pixels.form.height] : [1, 1];
    const area: [number, number] = [Math.round(size.width * dots), Math.round(size.height * dots)];
    const most = MOST * dots, gap = Math.max(1, Math.round(dots));
    const read = grid(n, area, native, STRIP * dots, this.pixels ? gap : 8 * dots, most); // with the answers written under the tiles, if they are large enough
    this.grid = read.picture[0] >= 22 * dots ? read : grid(n, area, native, 0, gap, most);
    this.drawn.fill(-1);
    this.flights.clear();
  }

  private take(frame: Answers): void {
    const first = this.frame === null, before = first ? null : this.order.place.slice();
    this.frame = frame;
    const moved = this.order.set((sample) => frame.answers[sample] !== this.board.label[sample]);
    if (!before || !moving() || moved.length > CROWD) { this.flights.clear(); return; }
    const now = performance.now();
    for (const sample of moved) {
      const flight = this.flights.get(sample), start = corner(this.grid!, before[sample]);
      const from = flight ? this.mix(flight.from, start, (now - flight.begun) / MOVE) : start;
      this.flights.set(sample, { from, begun: now });
    }
  }

  private between(sample: number, from: [number, number], part: number): [number, number] {
    return this.mix(from, corner(this.grid!, this.order.place[sample]), 1 - (1 - part) ** 3); // it arrives gently
  }
  private mix(a: [number, number], b: [number, number], part: number): [number, number] {
    const share = Math.min(1, Math.max(0, part));
    return [Math.round(a[0] + (b[0] - a[0]) * share), Math.round(a[1] + (b[1] - a[1]) * share)];
  }

  private ready(sample: number): boolean {
    if (!this.atlas || this.inAtlas[sample]) return true;
    this.inAtlas[sample] = this.atlas.put(sample, this.board.index[sample]) ? 1 : 0;
    return this.inAtlas[sample] === 1;
  }
  private picture(sample: number): Picture | null {
    if (!this.atlas) return null;
    return (on, x, y, w, h) => {
      if (!this.ready(sample)) return false;
      this.atlas!.draw(on, sample, x, y, w, h);
      return true;
    };
  }
}
