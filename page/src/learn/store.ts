// What is known of a run's training: its whole past, compactly, and what comes. `cursor` says which moment one looks at.
import { signal } from "@preact/signals";
import * as api from "../api";
import { going } from "../parts/status";
import { Bands } from "./bands";
import { repaint } from "./paint";
import { type Answers, type Batch, Reel, answers, batch, weighAnswers, weighBatch } from "./reel";
import { Curve, upTo } from "./series";

export interface Now {
  status: api.Status; epochs: number; perEpoch: number; samples: number;
  step: number; rate: number | null; left: number | null; // samples and seconds
  lr: number | null; base: number | null; decay: number | null; pace: number; // lr: as the schedule has it now
  setAt: { lr: number | null; decay: number | null }; // the step at which a change took effect
  end: { proposed: number | null; failedAt: number | null } | null;
}
export const alive = going;

const PUBLISH = 250; // ms between two changes of the words and numbers around the panels
const SILENCE = 15_000; // ms without an event after which the server is asked what became of the run
export const LOSS = 0, ACCURACY = 1; // columns of `stepped`

export class Past {
  readonly cursor = signal<number | null>(null); // null: follow the training
  readonly now = signal<Now>(null!);
  readonly lost = signal(false);
  readonly ready = signal(false);
  readonly trouble = signal("");
  version = 0; // rises with every event
  readonly stepped = new Curve(2, true);
  measured: api.Measured[] = [];
  readonly batches: Reel<Batch>;
  readonly answers: Reel<Answers>;
  readonly bands: Bands;
  private state: Now;
  private last = 0;
  private heardAt = performance.now();
  private timer = 0;
  private close: (() => void) | null = null;
  private changed: () => void = () => {};

  constructor(readonly run: api.RunDetails) {
    const { plan } = run.recipe, number = (value: unknown) => (typeof value === "number" ? value : null);
    this.state = {
      status: run.status, epochs: run.planned, perEpoch: 0, samples: run.facts?.counts.train ?? 0, step: 0, rate: null,
      left: null, lr: null, base: number(plan.lr), decay: number(plan.weight_decay), pace: 0,
      setAt: { lr: null, decay: null }, end: null,
    };
    this.now.value = { ...this.state };
    this.batches = new Reel(run.id, batch, weighBatch);
    this.answers = new Reel(run.id, answers, weighAnswers);
    this.bands = new Bands(run.id);
  }

  /** Load the past and follow; `changed` is told when the run's details are to be asked for again. */
  open(changed: () => void): () => void {
    let gone = false;
    this.changed = changed;
    const watch = setInterval(() => {
      if (!alive(this.state.status) || performance.now() - this.heardAt < SILENCE) return;
      this.heardAt = performance.now();
      this.changed();
    }, 3000);
    api.history(this.run.id).then((history) => {
      if (gone) return;
      this.load(history);
      this.ready.value = true;
      this.publish();
      if (alive(this.state.status) || this.state.status === "interrupted") this.follow();
    }).catch((error: Error) => { this.trouble.value = error.message || "?"; });
    return () => { gone = true; clearInterval(watch); clearTimeout(this.timer); this.unfollow(); };
  }

  /** The run's details came anew: the server knows what a stream can't tell, such as a trainer that died. */
  heed(run: api.RunDetails): void {
    const { state } = this;
    if (!this.ready.value) { state.status = run.status; this.publish(); return; }
    if (!alive(run.status)) {
      if (alive(state.status)) state.status = run.status;
      if (run.status !== "interrupted") this.unfollow();
    } else if (!state.end && !alive(state.status)) {
      state.status = run.status;
      this.follow();
    }
    this.publish();
  }

  /** It was asked to go on. */
  again(): void {
    this.state.status = "starting";
    this.state.end = null;
    this.heardAt = performance.now();
    this.follow();
    this.publish();
  }

  /** Look at the moment `step`; null, or a step that is not there yet: follow. */
  seek(step: number | null): void {
    const to = step === null || step >= this.state.step ? null : Math.max(0, Math.round(step));
    if (to === this.cursor.value) return;
    this.cursor.value = to;
    repaint();
  }

  /** The right end of the time axis: a round number of epochs, so that it moves seldom; all of it once training is over. */
  horizon(): number {
    const { step, perEpoch, epochs, status } = this.state, per = perEpoch || 100;
    if (!alive(status) && step > 0) return step;
    const total = Math.max(per * (epochs || 1), step);
    for (const share of SHARES) if (share * per >= step && share * per < total) return share * per;
    return total;
  }

  /** The entry of `measured` that was known at a moment. */
  measuredAt(step: number | null): api.Measured | null {
    if (step === null) return this.measured[this.measured.length - 1] ?? null;
    return this.measured[upTo(this.measured.map((one) => one.step), step)] ?? null;
  }

  private load(history: api.History): void {
    const { state } = this, { stepped } = history;
    state.epochs = history.epochs || state.epochs;
    state.perEpoch = history.steps_per_epoch;
    state.samples = history.samples || state.samples;
    this.last = history.last;
    this.stepped.fill(stepped.step, [stepped.loss, stepped.accuracy]);
    this.measured = [...history.measured];
    this.batches.load(history.probed.n, history.probed.step);
    this.answers.load(history.answered.n, history.answered.step);
    const end = stepped.step.length - 1;
    if (end >= 0) {
      state.rate = stepped.rate[end];
      state.lr = stepped.lr[end];
    }
    state.step = Math.max(stepped.step[end] ?? 0, this.measured[this.measured.length - 1]?.step ?? 0, history.ended?.step ?? 0);
    const { status } = state;
    for (const event of history.changed) this.change(event);
    state.status = status; // the server knows better whether it is paused
    if (history.ended) state.end = { proposed: history.ended.proposed_lr, failedAt: history.ended.failed_at };
    this.estimate();
    this.version++;
    repaint();
  }

  private follow(): void {
    this.unfollow();
    this.heardAt = performance.now();
    this.close = api.live(this.run.id, this.last, this.hear, (gone) => {
      this.lost.value = gone;
      if (gone) this.changed(); // the run may have been deleted
    }, () => this.changed());
  }

  private unfollow(): void {
    this.close?.();
    this.close = null;
    this.lost.value = false;
  }

  private hear = (event: api.Event): void => {
    if (event.n <= this.last) return; // said again after a break
    const { state } = this, before = state.status;
    this.last = event.n;
    this.heardAt = performance.now();
    this.version++;
    state.step = event.kind === "run-started" ? event.step : Math.max(state.step, event.step);
    switch (event.kind) {
      case "run-started":
        if (event.resumed_from !== undefined) this.forget(event.resumed_from);
        Object.assign(state, {
          status: "running", epochs: event.epochs, perEpoch: event.steps_per_epoch, samples: event.samples, end: null,
        });
        break;
      case "stepped":
        this.stepped.push(event.step, [event.loss[0], event.accuracy[0]]);
        state.rate = state.rate ? 0.8 * state.rate + 0.2 * event.rate : event.rate;
        state.lr = event.lr[0];
        if (state.status === "starting") state.status = "running";
        break;
      case "measured": this.measured.push(event); break;
      case "probed": this.batches.add(event); this.bands.hear(event); break;
      case "answered": this.answers.add(event); break;
      case "changed": this.change(event); break;
      case "run-ended":
        state.status = event.reason in ENDS ? (event.reason as api.Status) : "stopped";
        state.end = { proposed: event.proposed_lr ?? null, failedAt: event.failed_at ?? null };
        if (state.status !== "interrupted") this.unfollow();
    }
    this.estimate();
    repaint();
    if (state.status !== before) this.publish();
    else if (!this.timer) this.timer = window.setTimeout(() => this.publish(), PUBLISH);
    if (event.kind === "run-started" || state.status !== before) this.changed();
  };

  private change(event: api.Event): void {
    const { state } = this;
    if (event.kind !== "changed") return;
    if (event.lr) { state.base = event.lr[0]; state.setAt = { ...state.setAt, lr: event.step }; }
    if (event.weight_decay) { state.decay = event.weight_decay[0]; state.setAt = { ...state.setAt, decay: event.step }; }
    if (event.pace !== undefined) state.pace = event.pace;
    if (event.paused !== undefined && alive(state.status)) state.status = event.paused ? "paused" : "running";
  }

  /** Training goes on from `step`: what came after never was. */
  private forget(step: number): void {
    this.stepped.forget(step);
    this.measured = this.measured.filter((one) => one.step <= step);
    this.batches.forget(step);
    this.answers.forget(step);
    this.bands.forget(step);
    if (this.cursor.value !== null && this.cursor.value >= step) this.cursor.value = null;
  }

  private estimate(): void {
    const { state } = this, { rate, perEpoch } = state;
    const running = state.status === "running" && state.pace === 0 && perEpoch > 0;
    state.left = running && rate ? Math.max(0, state.samples * (state.epochs - state.step / perEpoch)) / rate : null;
  }

  private publish(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    this.now.value = { ...this.state };
  }
}

const SHARES = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800, 1200, 2000, 3000, 5000, 8000];
const ENDS = { done: 1, early: 1, stopped: 1, interrupted: 1, diverged: 1 };
