// The pixels of a split: CHUNK samples at a time, or, where it is too large, those that are looked at; at most HELD bytes of
// all splits together. And atlases of tiles.
import * as api from "../api";
import { areSigns } from "../parts/ink";
import { inks, repaint, rgb } from "./paint";

const HELD = 60e6;
const WHOLE = 48e6; // a split of no more bytes is held whole: MNIST's
const LARGE = 10 * api.CHUNK; // samples
const AT_ONCE = 3;
const TOGETHER = 100; // single samples that are asked for at once
const QUEUED = 24; // older questions are dropped: what is still looked at is asked for again
const LARGEST = 64; // pixels of a tile in an atlas; larger pictures are read at even intervals
const IDLE = 3000; // what was used within so many milliseconds is not given up for something else
const AGAIN = 5000; // milliseconds after which a question that failed is put again

interface Piece { bytes: Uint8Array; used: number }
interface Question { keys: string[]; load: () => Promise<ArrayBuffer> }
const held = new Map<string, Piece>();
const failed = new Map<string, number>();
const asked = new Set<string>();
const queue: Question[] = [];
let loading = 0;
let weight = 0;

function room(bytes: number): boolean {
  if (weight + bytes <= HELD) return true;
  const now = performance.now();
  const idle = [...held].filter(([, piece]) => now - piece.used > IDLE).sort((a, b) => a[1].used - b[1].used);
  for (const [key, piece] of idle) {
    if (weight + bytes <= 0.8 * HELD) break; // more than is needed: sorting is not for every tile
    held.delete(key);
    weight -= piece.bytes.length;
  }
  return weight + bytes <= HELD || held.size === 0;
}

function ask(question: Question): void {
  queue.push(question);
  for (const key of question.keys) asked.add(key);
  while (queue.length > QUEUED) for (const key of queue.shift()!.keys) asked.delete(key);
  pump();
}

function pump(): void {
  while (loading < AT_ONCE && queue.length) {
    const { keys, load } = queue.pop()!; // what was asked for last is looked at now
    loading++;
    load().then((buffer) => {
      if (!room(buffer.byteLength)) throw new Error("no room");
      const each = buffer.byteLength / keys.length, now = performance.now();
      // Copies, so that one can be given up without the others.
      keys.forEach((key, i) => held.set(key, { bytes: new Uint8Array(keys.length > 1 ? buffer.slice(i * each, (i + 1) * each) : buffer), used: now }));
      weight += buffer.byteLength;
      repaint();
    }).catch(() => {
      const now = performance.now();
      for (const key of keys) failed.set(key, now);
    }).finally(() => {
      loading--;
      for (const key of keys) asked.delete(key);
      pump();
    });
  }
}

/** Whether it may be asked for: it is not on its way, and did not just fail. */
function may(key: string): boolean {
  const before = failed.get(key);
  return !asked.has(key) && (before === undefined || performance.now() - before > AGAIN);
}

/** The pictures of one split of `count` samples. */
export class Pixels {
  readonly size: number;
  /** Grey pictures that are light signs on black, as digits are: drawn as ink on paper. */
  private signs: boolean | null = null;
  private missing: number[] = [];
  private readonly whole: boolean;
  private readonly large: boolean;

  constructor(private readonly of: string, private readonly split: "train" | "valid", readonly form: api.Form, count: number) {
    this.size = form.channels * form.height * form.width;
    this.whole = this.size * count <= WHOLE;
    this.large = count > LARGE;
  }

  /** The bytes of sample `index`; null while they are on their way. */
  get(index: number): Uint8Array | null {
    const [key, at] = this.place(index), found = held.get(key) ?? held.get(this.alone(index));
    if (found) {
      found.used = performance.now();
      const from = found.bytes.length === this.size ? 0 : at * this.size, bytes = found.bytes.subarray(from, from + this.size);
      this.signs ??= areSigns(this.some(found.bytes), this.form);
      return bytes.length === this.size ? bytes : null;
    }
    if (this.whole && may(key) && room(this.size * api.CHUNK)) {
      ask({ keys: [key], load: () => api.pixels(this.of, this.split, Math.floor(index / api.CHUNK)) });
    }
    // Of a large split the samples that are looked at come first, alone.
    if ((!this.whole || this.large) && may(this.alone(index))) {
      if (!this.missing.length) queueMicrotask(() => this.askForMissing());
      this.missing.push(index);
    }
    return null;
  }

  private alone(index: number): string {
    return `${this.of}/${this.split}#${index}`;
  }
  /** The piece that a sample is in, and its place there. */
  private place(index: number): [string, number] {
    return this.whole ? [`${this.of}/${this.split}/${Math.floor(index / api.CHUNK)}`, index % api.CHUNK] : [this.alone(index), 0];
  }

  private askForMissing(): void {
    const missing = [...new Set(this.missing)];
    this.missing = [];
    for (let i = 0; i < missing.length; i += TOGETHER) {
      const some = missing.slice(i, i + TOGETHER);
      if (room(this.size * some.length)) ask({ keys: some.map((one) => this.alone(one)), load: () => api.somePixels(this.of, this.split, some) });
    }
  }

  /** The first samples of a piece. */
  private some(bytes: Uint8Array): Uint8Array[] {
    const n = Math.min(20, Math.floor(bytes.length / this.size));
    return Array.from({ length: n }, (_, i) => bytes.subarray(i * this.size, (i + 1) * this.size));
  }

  /** Whether they are drawn as ink; unknown before the first are there. */
  get inked(): boolean {
    return this.signs === true;
  }

  /** Write sample `pixels` into `image` at (left, top), one pixel of `stride`; signs in `ink`. */
  colour(pixels: Uint8Array, image: ImageData, left: number, top: number, stride: number, ink = inks().ink): void {
    const { channels, height, width } = this.form, plane = height * width, out = image.data;
    const [r, g, b] = rgb(ink);
    for (let y = 0, row = top; y + stride <= height; y += stride, row++) {
      let to = (row * image.width + left) * 4;
      for (let x = 0; x + stride <= width; x += stride, to += 4) {
        const from = y * width + x, value = pixels[from];
        if (this.signs) {
          out[to] = r; out[to + 1] = g; out[to + 2] = b; out[to + 3] = value;
        } else {
          out[to] = value;
          out[to + 1] = channels >= 3 ? pixels[from + plane] : value;
          out[to + 2] = channels >= 3 ? pixels[from + 2 * plane] : value;
          out[to + 3] = 255;
        }
      }
    }
  }
}

/** `slots` pictures side by side in one hidden canvas, from which boards draw their tiles: first all are put, then drawn,
 * as a canvas takes long to be written and read in turn. Where they `stay`, they are brought to their size once. */
export class Atlas {
  private readonly canvas = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;
  private readonly sized = document.createElement("canvas");
  private readonly image: ImageData;
  private written = false;
  private readonly columns: number;
  private readonly stride: number;
  readonly width: number;
  readonly height: number;

  constructor(private readonly pixels: Pixels, private readonly slots: number, private readonly stay = false) {
    const { width, height } = pixels.form;
    this.stride = Math.max(1, Math.ceil(Math.max(width, height) / LARGEST));
    this.width = Math.floor(width / this.stride);
    this.height = Math.floor(height / this.stride);
    this.columns = Math.ceil(Math.sqrt(slots));
    this.canvas.width = this.columns * this.width;
    this.canvas.height = Math.ceil(slots / this.columns) * this.height;
    this.context = this.canvas.getContext("2d", { willReadFrequently: true })!;
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
  }

  /** Put sample `index` into `slot`; false while its pixels are on their way. */
  put(slot: number, index: number, ink?: string): boolean {
    const bytes = this.pixels.get(index);
    if (!bytes) return false;
    this.pixels.colour(bytes, this.image, (slot % this.columns) * this.width, Math.floor(slot / this.columns) * this.height, this.stride, ink);
    this.written = true;
    return true;
  }

  draw(on: CanvasRenderingContext2D, slot: number, x: number, y: number, width: number, height: number): void {
    const fresh = this.written, { sized, columns } = this;
    if (fresh) this.context.putImageData(this.image, 0, 0);
    this.written = false;
    if (!this.stay) { this.scale(on, slot, x, y, width, height); return; }
    const rows = Math.ceil(this.slots / columns);
    if (fresh || sized.width !== columns * width || sized.height !== rows * height) {
      sized.width = columns * width; // which empties it
      sized.height = rows * height;
      const into = sized.getContext("2d")!;
      for (let i = 0; i < this.slots; i++) this.scale(into, i, (i % columns) * width, Math.floor(i / columns) * height, width, height);
    }
    on.drawImage(sized, (slot % columns) * width, Math.floor(slot / columns) * height, width, height, x, y, width, height);
  }

  private scale(on: CanvasRenderingContext2D, slot: number, x: number, y: number, width: number, height: number): void {
    on.imageSmoothingEnabled = width % this.width !== 0; // whole multiples stay crisp
    on.imageSmoothingQuality = "medium";
    const sx = (slot % this.columns) * this.width, sy = Math.floor(slot / this.columns) * this.height;
    on.drawImage(this.canvas, sx, sy, this.width, this.height, x, y, width, height);
  }
}
