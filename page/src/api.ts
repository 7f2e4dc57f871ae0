// What the server says and takes. The one place where the page meets /api; the types mirror src/tiza/web.
// Values with one entry per trial (loss, accuracy, lr …) are lists; the page shows the first.

export type Lang = "es" | "en";
export type Status =
  "starting" | "running" | "paused" | "done" | "early" | "stopped" | "interrupted" | "diverged" | "failed" | "damaged";

export interface Fault { code: string; message: string; where: string }

/** A failure with the sentence to show; `faults` has one entry per field where the request named several. */
export class Failure extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly faults: Fault[] = []) {
    super(message);
  }
}

export type Options = Record<string, unknown>;
export interface Recipe {
  data: Options & { name: string };
  model: Options & { name: string };
  plan: Options;
}

export interface Interval { accuracy: number; n: number; interval: [number, number] }

/** A line of the home page. `spark`: validation accuracy after each epoch. */
export interface RunLine {
  id: string; name: string; status: Status; data: string; model: string; parameters: number | null;
  epochs: number; planned: number; started: number | null; seconds: number | null;
  valid: Interval | null; test: Interval | null; spark: number[];
}

export interface Finding { code: string; severity: "note" | "warning" | "problem"; title: string; sentence: string; advice: string }
export interface PerClass { precision: number[]; recall: number[]; f1: number[]; n: number[] }
export interface Measures {
  n: number; loss: number; accuracy: number; interval: [number, number]; f1_macro: number;
  precision_macro: number; recall_macro: number; calibration_error: number; per_class: PerClass; confusion: number[][];
}
export interface Worst { index: number; label: number; answer: number; probability: number; loss: number | null }
export interface Report {
  train: Measures; valid: Measures; test: Measures | null; test_opening: number | null; test_reason: string | null;
  openings: string; worst_split: "valid" | "test"; worst: Worst[];
}

/** What a sample looks like on the page: pictures of `width`×`height`, two features, or rows of a table. */
export interface Form { kind: "images" | "plane" | "table"; channels: number; height: number; width: number }

export interface RunDetails extends RunLine {
  recipe: Recipe;
  facts: {
    parameters: number; counts: Counts; shape: number[]; classes: string[];
    features: string[]; device: string; threads: number; engine: string;
  } | null;
  form: Form | null;
  panels: string[]; // of: batch, validation, loss, accuracy, weights, biases, regions
  board: { index: number[]; label: number[] } | null; // the validation samples whose answers `answered` events give
  layers: string[];
  report: Report | null;
  code: { python: string; command: string };
  failure: string | null; // the sentence of a run that failed or is damaged
}

export interface Measured {
  step: number; epoch: number; seconds: number;
  train: { n: number; loss: number[]; accuracy: number[]; f1_macro: number[] };
  valid: { n: number; loss: number[]; accuracy: number[]; f1_macro: number[] };
  running: { loss: number[]; accuracy: number[] };
}
export interface Tiles { index: number[]; label: number[]; answer: number[] }
export interface Layer { name: string; quantiles: number[][] } // per trial, at 0, 5, 25, 50, 75, 95, 100 %
export interface Regions { size: number; x: [number, number]; y: [number, number]; answer: number[]; sure: number[] } // row by row from below; sure 0–9

/** A line of events.jsonl; `n` is its number, by which it can be asked for again. */
export type Event = { n: number; step: number; epoch: number; time: number } & (
  | { kind: "run-started"; trials: number; epochs: number; steps_per_epoch: number; samples: number; parameters: number; resumed_from?: number }
  | { kind: "stepped"; loss: (number | null)[]; accuracy: number[]; lr: number[]; rate: number; seconds: number }
  | ({ kind: "measured" } & Omit<Measured, "step" | "epoch">)
  | { kind: "probed"; layers: Layer[]; tiles: Tiles }
  | { kind: "answered"; answers: number[]; regions?: Regions; seconds: number }
  | { kind: "changed"; lr?: number[]; weight_decay?: number[]; paused?: boolean; pace?: number; diverged?: number[] }
  | { kind: "run-ended"; reason: string; seconds: number; failed_at?: number; proposed_lr?: number }
);

/** The run so far, at most 2,000 points a curve; the live stream goes on after line `last`. */
export interface History {
  last: number; steps_per_epoch: number; epochs: number; samples: number;
  stepped: { n: number[]; step: number[]; seconds: number[]; loss: (number | null)[]; accuracy: number[]; lr: number[]; rate: number[] };
  measured: Measured[];
  changed: Event[];
  probed: { n: number[]; step: number[] };
  answered: { n: number[]; step: number[]; time: number[] };
  ended: { reason: string; seconds: number; step: number; failed_at: number | null; proposed_lr: number | null } | null;
}
export interface Bands { step: number[]; quantiles: number[][] } // quantiles[k] is the k-th of the seven, over the steps

export interface DataSet {
  name: string; title: string; kind: Form["kind"]; shape: number[]; classes: string[]; features: string[];
  counts: Counts; histogram: number[]; sample: { index: number[]; label: number[] };
  form: Form; recipes: string[]; default: string;
}
export interface RecipeLine { id: string; data: string; shows: string; recipe: Recipe }
export interface Field {
  name: string; type: "integer" | "number" | "choice" | "boolean" | "list" | "text"; default: unknown; choices: string[];
}
export interface Schema { models: Record<string, Field[]>; plan: Field[]; data: Field[] }
export interface ShapeRow { name: string; kind: string; input: number[]; output: number[]; parameters: number; multiply_adds: number }
export interface Counts { train: number; valid: number; test: number }
export interface Checked { recipe: Recipe | null; faults: Fault[]; layers: ShapeRow[]; parameters: number | null; counts: Counts | null; code: { python: string; command: string } | null }

export type SearchStatus = "starting" | "running" | "done" | "budget" | "interrupted" | "damaged";
/** A line of the list of searches; `best`: the best mean validation accuracy so far. */
export interface SearchLine {
  id: string; name: string; status: SearchStatus; data: string; model: string; done: number; of: number;
  best: number | null; started: number | null;
}
export type TrialStatus = "waiting" | "running" | "done" | "diverged" | "dropped" | "unfinished";
/** One setting; `rank` to `same_as` come once the search is over, before `accuracy` is what is known so far. */
export interface Trial {
  number: number; values: Record<string, unknown>; status: TrialStatus; accuracy: number | null; low: number | null;
  high: number | null; rank: number | null; verdict: "best" | "tie" | "worse" | "same" | null; same_as: number | null;
}
export interface SearchField { field: string; values: unknown[]; drawn: boolean } // drawn: too many values to be listed
export interface Effect { field: string; value: unknown; n: number; accuracy: number; low: number | null; high: number | null }
export interface Ranked {
  best: number; ties: number; worse: number; same: number; diverged: number; dropped: number; unfinished: number;
  optimism: number; effects: Effect[]; test: Interval | null;
}
/** `trials`: the best first, at most 5,000 of the `count`. */
export interface SearchDetails extends SearchLine {
  fields: SearchField[]; trials: Trial[]; count: number; classes: string[]; samples: number; share: number | null;
  left: number | null; folds: number | null; repeats: number; ranked: Ranked | null; resume: string | null; failure: string | null;
}
export interface TrialDetails extends Trial {
  curve: (number | null)[]; confusion: number[][]; recipe: Recipe; code: { python: string; command: string }; startable: boolean;
}

/** A number as it is written; `came`: the ids of those it came from; `place`: of the sample's value that it is. */
export interface SheetNumber { text: string; value: number; of: string; fill: boolean; id: string; came: string[]; place: number[] }
export type SheetParts = (string | SheetNumber)[];
export interface SheetLine { name: string; left: string; parts: SheetParts; result: SheetNumber }
export interface SheetTable { caption: string; heads: string[]; rows: SheetParts[]; grid: boolean }
/** The worked numbers of a sample, in the language of the page. */
export interface Sheet {
  title: string; facts: string[]; place: number[] | null;
  sections: { title: string; blocks: (string | SheetLine | SheetTable)[] }[];
}
export interface Answers { index: number[]; label: number[]; answer: number[]; probability: number[]; confusion: number[][] }
/** Validation samples in the plane, as a layer sees them; `points` lie in a square of side 1 around (0, 0). */
export interface Cloud {
  method: "pca" | "t-sne"; layer: string; layers: string[]; units: number; index: number[]; labels: number[]; answers: number[];
  points: [number, number][]; explained: [number, number] | null; perplexity: number | null; trustworthiness: number; near: number;
}
export interface Prediction { label: number | null; class: string | null; probability: number | null; probabilities: number[] | null; image: { shape: number[]; pixels: number[] } | null; reason: string | null }

/** Whole numbers from −127 to 127, a list each of `shape`; 127 stands for `most`. */
export interface Signed { shape: number[]; values: number[][]; most: number }
/** What one can look into, and of one `layer` how much there is to see: maps of `shape`, or units where that is empty. */
export interface Inside {
  layers: { name: string; shape: number[] }[]; layer: string; count: number; shown: number; shape: number[];
  kernels: Signed | null; weighed: boolean;
}
export interface InsideAnswer { layer: string; numbers: number[]; maps: Signed | null; units: number[] | null; weights: Signed | null }

export type Command =
  | { command: "pause" } | { command: "resume" } | { command: "step"; steps?: number; epoch?: boolean }
  | { command: "set"; lr?: number; weight_decay?: number } | { command: "pace"; seconds: number } | { command: "stop" };

let speaking: Lang = "en";
/** The language in which the server's sentences come. */
export const speak = (lang: Lang) => { speaking = lang; };

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Accept-Language", speaking);
  let answer: Response;
  try {
    answer = await fetch(`/api/${path}`, { ...init, headers });
  } catch {
    throw new Failure(0, "server-gone", "");
  }
  if (answer.ok) return answer;
  const plain = await answer.json().catch(() => ({}));
  const error = plain.error ?? {};
  throw new Failure(answer.status, error.code ?? "unknown", error.message ?? "", error.faults ?? []);
}
const get = async <T>(path: string): Promise<T> => (await ask(path)).json();
const post = async <T>(path: string, body?: unknown): Promise<T> =>
  (await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) })).json();

export const texts = (lang: Lang) => get<Record<string, string>>(`texts/${lang}`);
export const runs = () => get<RunLine[]>("runs");
export const run = (id: string) => get<RunDetails>(`runs/${id}`);
export const start = (recipe: Recipe) => post<{ id: string }>("runs", { recipe });
export const resume = (id: string) => post<{ id: string }>(`runs/${id}/resume`);
export const remove = async (id: string) => { await ask(`runs/${id}`, { method: "DELETE" }); };
export const restore = (id: string) => post<{ id: string }>(`runs/${id}/restore`);
export const control = (id: string, command: Command) => post<{ ok: true }>(`runs/${id}/control`, command);
export const history = (id: string) => get<History>(`runs/${id}/history`);
/** At most 100 lines at once, each by its number. */
export const frames = (id: string, numbers: number[]) => get<Event[]>(`runs/${id}/frames?${numbers.map((n) => `n=${n}`).join("&")}`);
export const bands = (id: string, layer: number) => get<Bands>(`runs/${id}/bands?layer=${layer}`);
export const findings = (id: string) => get<Finding[]>(`runs/${id}/findings`);
export const answers = (id: string) => get<Answers>(`runs/${id}/answers`);
export const steps = (id: string, split: "train" | "valid", index: number) => get<Sheet>(`runs/${id}/steps?split=${split}&index=${index}`);
export const embedding = (id: string, method: Cloud["method"], layer: string) =>
  get<Cloud>(`runs/${id}/embedding?method=${method}${layer && `&layer=${encodeURIComponent(layer)}`}`);
export const searches = () => get<SearchLine[]>("searches");
export const search = (id: string) => get<SearchDetails>(`searches/${id}`);
export const trial = (id: string, number: number) => get<TrialDetails>(`searches/${id}/trials/${number}`);
export const dataSets = () => get<DataSet[]>("data");
export const recipes = () => get<RecipeLine[]>("recipes");
export const schema = () => get<Schema>("schema");
export const check = (recipe: unknown) => post<Checked>("check", { recipe });

/** Samples of a split, CHUNK at a time, as they lie in it: uint8 channels×height×width each, or float32 features. */
export const CHUNK = 1000;
/** `of`: `run/ID` or `data/NAME`. */
export const pixels = async (of: string, split: "train" | "valid" | "test", chunk: number): Promise<ArrayBuffer> =>
  (await ask(`pixels/${of}/${split}/${chunk}`)).arrayBuffer();
/** At most 100 samples of a split, each by its place in it. `of`: `run/ID`. */
export const somePixels = async (of: string, split: "train" | "valid", places: number[]): Promise<ArrayBuffer> =>
  (await ask(`pixels/${of}/${split}?${places.map((n) => `n=${n}`).join("&")}`)).arrayBuffer();

export const predict = async (id: string, picture: Blob): Promise<Prediction> =>
  (await ask(`runs/${id}/predict`, { method: "POST", headers: { "Content-Type": picture.type || "application/octet-stream" }, body: picture })).json();

const inside = (id: string, layer: string | null) => `runs/${id}/inside${layer === null ? "" : `?layer=${encodeURIComponent(layer)}`}`;
export const insideOf = (id: string, layer: string | null) => get<Inside>(inside(id, layer));
export const insideFor = async (id: string, layer: string, picture: Blob): Promise<InsideAnswer> =>
  (await ask(inside(id, layer), { method: "POST", headers: { "Content-Type": picture.type }, body: picture })).json();

/** The events after line `after`, as they are written; returns what closes the stream. `lost` is told of breaks, `left`
 * is called when the process that trained is no longer there. */
export function live(
  id: string, after: number, heard: (event: Event) => void, lost: (gone: boolean) => void, left: () => void,
): () => void {
  let source: EventSource, timer = 0, last = after;
  const open = () => {
    source = new EventSource(`/api/runs/${id}/live?after=${last}`);
    source.onmessage = (message) => {
      last = Number(message.lastEventId);
      heard({ ...JSON.parse(message.data), n: last });
    };
    source.onopen = () => lost(false);
    source.addEventListener("left", left);
    source.onerror = () => {
      lost(true);
      // A refusal, such as of a new server whose address was not opened yet, is final to the browser; not to us.
      if (source.readyState === EventSource.CLOSED) timer = window.setTimeout(open, 2000);
    };
  };
  open();
  return () => { clearTimeout(timer); source.close(); };
}
