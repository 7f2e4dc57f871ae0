// Two features: what the model answers everywhere on their plane, and the training samples over it.
import { useMemo, useRef } from "preact/hooks";
import { type RunDetails, CHUNK, pixels as fetchPixels } from "../api";
import { percent, t, whole } from "../texts";
import { Age } from "./age";
import { era, fit, inks, ratio, repaint, rgb, thin, usePainter, write } from "./paint";
import { Panel } from "./panel";
import { named } from "./popover";
import type { Fields } from "./reel";
import { shape } from "./shapes";
import { Sign } from "./sign";
import type { Past } from "./store";

const DEEP = 0.5; // how much of its colour a place has where the answer is sure
const MOST = 800; // more points would hide the regions
const SURE = 9;

/** Colours that mean nothing else in tiza, as in its figures. */
const tones = (): string[] => ["#56b4e9", "#cc79a7", inks().ink, "#8a8f8c"];
const tone = (k: number): string => tones()[k % tones().length];

export function RegionsPanel({ past, run }: { past: Past; run: RunDetails }) {
  const host = useRef<HTMLDivElement>(null), canvas = useRef<HTMLCanvasElement>(null), note = useRef<HTMLElement>(null);
  const drawn = useRef({ fields: null as Fields | null, era: -1, known: -1 });
  const points = useMemo(() => new Points(run.id, run.facts?.counts.train ?? 0), [run.id, run.facts?.counts.train]);
  const classes = run.facts?.classes ?? [], [across, upwards] = run.facts?.features ?? ["", ""];
  const frame = () => past.answers.at(past.cursor.value);

  usePainter(host, (size) => {
    const emptied = fit(canvas.current!, size), fields = frame()?.regions ?? null, was = drawn.current;
    const tiles = past.batches.at(past.cursor.value)?.tiles;
    if (tiles) points.learn(tiles.index, tiles.label);
    if (!fields || (!emptied && fields === was.fields && era === was.era && points.version === was.known)) return;
    Object.assign(was, { fields, era, known: points.version });
    draw(canvas.current!, fields, points);
    const { wrong, n } = points.count(fields);
    write(note.current, n ? t("page.learn.wrong-of", { wrong: whole(wrong), n: whole(n) }) : "");
  });

  const say = () => {
    const fields = frame()?.regions;
    if (!fields) return t("page.learn.nothing-yet");
    const share = classes.map((_, k) => fields.answer.reduce((sum, one) => sum + (one === k ? 1 : 0), 0) / fields.answer.length);
    return t("page.learn.regions.say", { shares: share.map((part, k) => `${named(classes, k)}: ${percent(part, 0)}`).join(", ") });
  };
  return (
    <Panel name="regions" title={t("page.learn.regions")} note={note} say={say} aside={<Age past={past} />} plain>
      <div class="l-plane">
        <span class="l-upwards quiet small">{upwards}</span>
        <div class="l-plane-area" ref={host}><canvas class="l-canvas" ref={canvas} aria-hidden="true" /></div>
        <span class="l-across quiet small">{across}</span>
        <ul class="l-classes small">
          {classes.map((_, k) => <li key={k}><Sign k={k} tone={tone} of="l-sign" /> {named(classes, k)}</li>)}
          <li><span class="l-ringed" aria-hidden="true" /> {t("page.learn.regions.wrong")}</li>
          <li class="quiet">{t("page.learn.regions.pale")}</li>
        </ul>
      </div>
    </Panel>
  );
}

function draw(canvas: HTMLCanvasElement, fields: Fields, points: Points): void {
  const on = canvas.getContext("2d")!, { width, height } = canvas, dots = ratio();
  on.clearRect(0, 0, width, height);
  on.imageSmoothingEnabled = true;
  on.imageSmoothingQuality = "high";
  on.drawImage(shading(fields), 0, 0, width, height);
  const r = Math.min(6, Math.max(3, 90 / Math.sqrt(points.n || 1))) * dots;
  const sx = width / (fields.x[1] - fields.x[0]), sy = height / (fields.y[1] - fields.y[0]);
  for (let i = 0; i < points.n; i++) {
    const x = (points.x[i] - fields.x[0]) * sx, y = height - (points.y[i] - fields.y[0]) * sy, label = points.label[i];
    on.fillStyle = label < 0 ? thin(inks().ink, 0.3) : tone(label);
    shape(on, Math.max(0, label), x, y, label < 0 ? r / 2 : r);
    on.fill();
    on.strokeStyle = inks().paper;
    on.lineWidth = dots * 0.75;
    on.stroke();
    if (label < 0 || points.answer(fields, i) === label) continue;
    on.strokeStyle = inks().wrongLine;
    on.lineWidth = 1.75 * dots;
    on.beginPath();
    on.arc(x, y, r + 2.5 * dots, 0, 2 * Math.PI);
    on.stroke();
  }
}

/** The plane in the colours of the answers, thinner where the model is less sure. */
function shading({ size, answer, sure }: Fields): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const on = canvas.getContext("2d")!, image = on.createImageData(size, size), colours = tones().map(rgb);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const from = row * size + column, to = ((size - 1 - row) * size + column) * 4;
      const [r, g, b] = colours[answer[from] % colours.length];
      image.data.set([r, g, b, 255 * DEEP * (0.15 + (0.85 * sure[from]) / SURE)], to);
    }
  }
  on.putImageData(image, 0, 0);
  return canvas;
}

/** The training samples: places from their split, labels from there too, or as the batches tell them. */
class Points {
  x = new Float32Array(0);
  y = new Float32Array(0);
  label = new Int16Array(0);
  n = 0;
  version = 0;

  constructor(id: string, count: number) {
    if (count) void this.load(id, Math.min(count, CHUNK, MOST), Math.min(count, CHUNK)).catch(() => undefined);
  }

  private async load(id: string, n: number, of: number): Promise<void> {
    const values = new Float32Array(await fetchPixels(`run/${id}`, "train", 0)), wide = Math.round(values.length / of);
    this.n = n;
    this.x = Float32Array.from({ length: n }, (_, i) => values[i * wide]);
    this.y = Float32Array.from({ length: n }, (_, i) => values[i * wide + 1]);
    this.label = Int16Array.from({ length: n }, (_, i) => (wide > 2 ? values[i * wide + 2] : -1));
    this.version++;
    repaint();
  }

  learn(index: number[], label: number[]): void {
    let news = false;
    index.forEach((i, k) => {
      if (i < this.n && this.label[i] < 0) { this.label[i] = label[k]; news = true; }
    });
    if (news) this.version++;
  }

  answer({ size, x, y, answer }: Fields, i: number): number {
    const cell = (value: number, [low, high]: [number, number]) =>
      Math.min(size - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * size)));
    return answer[cell(this.y[i], y) * size + cell(this.x[i], x)];
  }

  count(fields: Fields): { wrong: number; n: number } {
    let wrong = 0, n = 0;
    for (let i = 0; i < this.n; i++) {
      if (this.label[i] < 0) continue;
      n++;
      if (this.answer(fields, i) !== this.label[i]) wrong++;
    }
    return { wrong, n };
  }
}
