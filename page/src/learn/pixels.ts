// The pixels of a split, CHUNK samples at a time, at most HELD bytes of all splits together; and atlases of tiles.
import * as api from "../api";
import { inks, repaint, rgb } from "./paint";

const HELD = 60e6;
const AT_ONCE = 3;
const LARGEST = 64; // pixels of a tile in an atlas; larger pictures are read at even intervals
const IDLE = 3000; // a chunk used within so many milliseconds is not given up for another

interface Chunk { bytes: Uint8Array; used: number }
const held = new Map<string, Chunk>();
const failed = new Map<string, number>();
let queue: { key: string; load: () => Promise<ArrayBuffer> }[] = [];
let loading = new Set<string>();
let weight = 0;

function room(bytes: number): boolean {
  const now = performance.now();
  const idle = [...held].filter(([, chunk]) => now - chunk.used > IDLE).sort((a, b) => a[1].used - b[1].used);
  for (const [key, chunk] of idle) {
    if (weight + bytes <= HELD) break;
    held.delete(key);
    weight -= chunk.bytes.length;
  }
  return weight + bytes <= HELD || held.size === 0;
}

function pump(): void {
  while (loading.size < AT_ONCE && queue.length) {
    const { key, load } = queue.pop()!; // what was asked for last is looked at now
    loading.add(key);
    load().then((buffer) => {
      if (room(buffer.byteLength)) {
        held.set(key, { bytes: new Uint8Array(buffer), used: performance.now() });
        weight += buffer.byteLength;
        repaint();
      } else failed.set(key, performance.now());
    }).catch(() => failed.set(key, performance.now())).finally(() => { loading.delete(key); pump(); });
  }
}

/** The pictures of one split. */
export class Pixels {
  readonly size: number;
  /** Grey pictures that are light signs on black, as digits are: drawn as ink on paper. */
  private signs: boolean | null = null;

  constructor(private readonly of: string, private readonly split: "train" | "valid", readonly form: api.Form) {
    this.size = form.channels * form.height * form.width;
  }

  /** The bytes of sample `index`; null while they are on their way. */
  get(index: number): Uint8Array | null {
    const chunk = Math.floor(index / api.CHUNK), key = `${this.of}/${this.split}/${chunk}`;
    const found = held.get(key);
    if (found) {
      found.used = performance.now();
      const at = (index % api.CHUNK) * this.size;
      return at + this.size <= found.bytes.length ? found.bytes.subarray(at, at + this.size) : null;
    }
    const full = weight + this.size * api.CHUNK > HELD && held.size > 0 && !room(this.size * api.CHUNK);
    const before = failed.get(key);
    if (full || loading.has(key) || (before !== undefined && performance.now() - before < 5000)) return null;
    if (!queue.some((one) => one.key === key)) {
      queue.push({ key, load: () => api.pixels(this.of, this.split, chunk) });
      queueMicrotask(pump);
    }
    return null;
  }

  /** Write sample `pixels` into `image` at (left, top), one pixel of `stride`. */
  colour(pixels: Uint8Array, image: ImageData, left: number, top: number, stride: number): void {
    const { channels, height, width } = this.form, plane = height * width, out = image.data;
    if (this.signs === null) this.signs = channels === 1 && edge(pixels, width, height) < 48;
    const [r, g, b] = rgb(inks().ink);
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

function edge(pixels: Uint8Array, width: number, height: number): number {
  let sum = 0;
  for (let x = 0; x < width; x++) sum += pixels[x] + pixels[(height - 1) * width + x];
  for (let y = 0; y < height; y++) sum += pixels[y * width] + pixels[y * width + width - 1];
  return sum / (2 * (width + height));
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
  put(slot: number, index: number): boolean {
    const bytes = this.pixels.get(index);
    if (!bytes) return false;
    this.pixels.colour(bytes, this.image, (slot % this.columns) * this.width, Math.floor(slot / this.columns) * this.height, this.stride);
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
