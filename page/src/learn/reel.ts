// The recorded frames of one kind, fetched by number as one looks at them; a bounded number is held.
import * as api from "../api";
import { repaint } from "./paint";
import { upTo } from "./series";

const AROUND = 24; // frames asked for at once, around the moment looked at
const COARSE = 64; // frames spread over the whole past, so that a near one is always at hand
const BYTES = 24e6;

export class Reel<T extends { n: number }> {
  n: number[] = [];
  step: number[] = [];
  private held = new Map<number, T>();
  private busy = false;
  private wanted = -1;
  private gone = new Set<number>(); // asked for and not there: a damaged line
  private rest = 0;
  private most = 800;

  /** `take` makes a frame of an event, or null of another kind; `weigh` says its bytes. */
  constructor(
    private readonly id: string, private readonly take: (event: api.Event) => T | null,
    private readonly weigh: (frame: T) => number,
  ) {}

  /** What was recorded before one came: numbers and steps. */
  load(n: number[], step: number[]): void {
    this.n = [...n];
    this.step = [...step];
    if (n.length > COARSE) {
      const spread = Array.from({ length: COARSE }, (_, i) => n[Math.round((i * (n.length - 1)) / (COARSE - 1))]);
      void this.fetch(spread);
    }
  }

  /** A frame as it comes. */
  add(event: api.Event): void {
    const frame = this.take(event);
    if (!frame) return;
    this.n.push(event.n);
    this.step.push(event.step);
    this.hold(frame);
  }

  forget(step: number): void {
    this.n.length = this.step.length = upTo(this.step, step) + 1;
  }

  /** The place in the reel of the moment `step` (null: the last). */
  index(step: number | null): number {
    const last = this.n.length - 1;
    return step === null ? last : Math.min(last, Math.max(0, upTo(this.step, step)));
  }

  /** The frame of that moment, or while it is on its way the nearest at hand. */
  at(step: number | null): T | null {
    const i = this.index(step);
    if (i < 0) return null;
    const exact = this.held.get(this.n[i]);
    if (exact) return exact;
    this.want(i);
    for (let d = 1; d < this.n.length; d++) {
      const near = this.held.get(this.n[i - d]) ?? this.held.get(this.n[i + d]);
      if (near) return near;
    }
    return null;
  }

  private want(i: number): void {
    if (this.gone.has(this.n[i]) || performance.now() < this.rest) return;
    this.wanted = i;
    if (this.busy) return;
    this.wanted = -1;
    const numbers: number[] = [];
    for (let d = 0; d <= AROUND && numbers.length < AROUND; d++) {
      for (const j of d ? [i + d, i - d] : [i]) {
        if (j >= 0 && j < this.n.length && !this.held.has(this.n[j])) numbers.push(this.n[j]);
      }
    }
    void this.fetch(numbers);
  }

  private async fetch(numbers: number[]): Promise<void> {
    this.busy = true;
    try {
      for (const event of await api.frames(this.id, numbers)) {
        const frame = this.take(event);
        if (frame) this.hold(frame);
      }
      for (const n of numbers) if (!this.held.has(n)) this.gone.add(n);
    } catch {
      this.rest = performance.now() + 2000; // the live stream says that the server is gone
    }
    this.busy = false;
    const next = this.wanted;
    this.wanted = -1;
    if (next >= 0 && next < this.n.length && !this.held.has(this.n[next])) this.want(next);
    repaint();
  }

  private hold(frame: T): void {
    this.most = Math.max(COARSE + 2 * AROUND, Math.min(800, BYTES / this.weigh(frame)));
    this.held.set(frame.n, frame);
    for (const first of this.held.keys()) {
      if (this.held.size <= this.most) break;
      this.held.delete(first);
    }
  }
}

export interface Batch { n: number; step: number; epoch: number; tiles: api.Tiles }
export interface Answers { n: number; step: number; time: number; answers: Uint16Array; regions: Fields | null }
/** Decision regions, packed. */
export interface Fields { size: number; x: [number, number]; y: [number, number]; answer: Uint8Array; sure: Uint8Array }

export const batch = (event: api.Event): Batch | null =>
  event.kind === "probed" ? { n: event.n, step: event.step, epoch: event.epoch, tiles: event.tiles } : null;

export function answers(event: api.Event): Answers | null {
  if (event.kind !== "answered") return null;
  const { n, step, time, regions } = event;
  const fields = regions && { ...regions, answer: Uint8Array.from(regions.answer), sure: Uint8Array.from(regions.sure) };
  return { n, step, time, answers: Uint16Array.from(event.answers), regions: fields ?? null };
}
export const weighBatch = (): number => 2500;
export const weighAnswers = (frame: Answers): number => 200 + 2 * frame.answers.length + 2 * (frame.regions?.answer.length ?? 0);
