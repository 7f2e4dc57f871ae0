// A plot over training's steps: uPlot draws lines and axes; the labels at the lines' ends and the scrub line are elements
// over it, so that looking at another moment redraws nothing.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "preact/hooks";
import { t, whole } from "../texts";
import { type Size, era, inks, ratio, usePainter } from "./paint";

const GUTTER = 88; // for the labels at the lines' ends; the same in all plots, as they share an axis
const LEFT = 54; // "100.00 %"
const TALL = 29, LOW = 15; // of a label with its value under the name, and of one in one line

/** The label at a line's end: what it is, and its latest value. */
export interface End { name: string; value: string; x: number; y: number; tone: string }

export interface PlotSpec {
  series: uPlot.Series[]; bands?: uPlot.Band[];
  data: () => uPlot.AlignedData;
  range: () => [number, number]; // of y
  horizon: () => number; // the right end of x
  perEpoch: () => number; // steps; 1 where x counts epochs
  version: () => string | number; // changes when there is something new to draw
  marks?: (plot: uPlot) => void; // over the lines
  ends: () => End[];
  cursor?: () => number | null; // the moment looked at
  seek?: (x: number) => void;
  tick: (value: number, all: number[]) => string; // one of the values at the y axis
}

export function Plot({ spec }: { spec: PlotSpec }) {
  const host = useRef<HTMLDivElement>(null), plot = useRef<uPlot | null>(null), latest = useRef(spec);
  const drawn = useRef(""), size = useRef({ width: 0, height: 0 }), over = useRef<Over | null>(null);
  latest.current = spec;

  usePainter(host, (now) => {
    if (!plot.current) {
      const drew = () => over.current?.label(); // uPlot draws a little later than it is told to
      plot.current = new uPlot(options(latest, now, drew), latest.current.data(), host.current!);
      over.current = new Over(plot.current, latest);
    } else if (now.width !== size.current.width || now.height !== size.current.height) {
      plot.current.setSize(now);
      drawn.current = "";
    }
    size.current = { ...now };
    const wanted = `${era} ${latest.current.version()} ${latest.current.horizon()}`;
    if (wanted !== drawn.current) {
      drawn.current = wanted;
      plot.current.setData(latest.current.data());
    }
    over.current!.scrub();
  });
  useEffect(() => () => { plot.current?.destroy(); plot.current = null; }, []);
  return <div class="l-plot" ref={host} aria-hidden="true" />;
}

function options(spec: { current: PlotSpec }, size: Size, drew: () => void): uPlot.Options {
  const line = { stroke: () => inks().hair, width: 1 }, none = { show: false };
  const font = `12px ${inks().sans}`, stroke = () => inks().quiet;
  return {
    ...size, padding: [8, GUTTER, 0, 0], legend: none, cursor: none,
    scales: {
      x: { time: false, range: () => [0, spec.current.horizon()] },
      y: { range: () => spec.current.range() },
    },
    axes: [
      {
        stroke, font, grid: line, ticks: none, size: 22, gap: 5,
        splits: (plot, _, __, end) => epochs(end, spec.current.perEpoch(), room(plot, end / (spec.current.perEpoch() || 1))),
        values: (_, splits) => splits.map((step) => label(step, splits, spec.current.perEpoch())),
      },
      { stroke, font, grid: line, ticks: none, size: LEFT, gap: 6, space: 30, values: (_, splits) => splits.map((v) => spec.current.tick(v, splits)) },
    ],
    series: [{}, ...spec.current.series.map((one) => ({ points: { show: alone, size: 5, fill: one.stroke as CanvasRenderingContext2D["fillStyle"] }, ...one }))],
    bands: spec.current.bands,
    hooks: { draw: [(plot) => spec.current.marks?.(plot), drew] },
  };
}

/** A line of one point shows as a point. */
const alone = (plot: uPlot): boolean => plot.data[0].length === 1;

const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000];
/** Where the grid stands: at epochs, or within the first at round steps; at most so many lines. */
export function epochs(end: number, perEpoch: number, most = 8): number[] {
  const per = perEpoch && end >= perEpoch ? perEpoch : 1;
  const every = (NICE.find((n) => (n * per * most) >= end) ?? end / per) * per;
  return Array.from({ length: Math.floor(end / every + 1e-9) + 1 }, (_, i) => i * every);
}
/** How many labels as long as the last one find room side by side. */
const room = (plot: uPlot, last: number): number =>
  Math.max(1, Math.min(8, Math.floor(plot.bbox.width / ratio() / (16 + 7 * whole(Math.ceil(last)).length))));
/** Epochs by their number; steps where not even one epoch has passed. */
function label(step: number, all: number[], perEpoch: number): string {
  const whole_ = perEpoch && all.length > 1 && all[1] >= perEpoch;
  return whole(whole_ ? step / perEpoch : step);
}

/** The elements over the plotting area. */
class Over {
  private readonly veil = element("l-veil");
  private readonly labels: HTMLElement[] = [];
  private readonly box = element("l-veil-box");
  private readonly axis = element("l-axis small");
  private shown: number | null = null;
  constructor(private readonly plot: uPlot, private readonly spec: { current: PlotSpec }) {
    this.box.append(this.veil);
    plot.over.append(this.box, this.axis);
    const seek = (event: PointerEvent) => {
      const x = event.clientX - plot.over.getBoundingClientRect().left;
      this.spec.current.seek?.(plot.posToVal(x, "x"));
    };
    if (!this.spec.current.seek) return;
    plot.over.classList.add("l-seek");
    plot.over.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || event.button !== 0) return; // a finger scrolls the page
      plot.over.setPointerCapture(event.pointerId);
      seek(event);
    });
    plot.over.addEventListener("pointermove", (event) => {
      if (plot.over.hasPointerCapture(event.pointerId)) seek(event);
    });
  }

  scrub(): void {
    const at = this.spec.current.cursor?.() ?? null;
    this.box.hidden = at === null;
    if (at === null) { this.shown = null; return; }
    const x = Math.round(this.plot.valToPos(at, "x"));
    if (x === this.shown) return;
    this.shown = x;
    this.veil.style.transform = `translateX(${x}px)`;
  }

  /** Labels beside the ends of the lines, moved apart where they would cover each other. */
  label(): void {
    const { plot, labels } = this, height = plot.over.clientHeight;
    this.shown = null;
    const { horizon, perEpoch } = this.spec.current;
    this.axis.textContent = t(perEpoch() > 0 && horizon() >= perEpoch() ? "page.learn.axis.epochs" : "page.learn.axis.steps");
    const ends = this.spec.current.ends().map((end) => ({
      ...end, left: Math.min(plot.valToPos(end.x, "x"), plot.over.clientWidth) + 8,
      top: Math.min(height, Math.max(0, plot.valToPos(end.y, "y"))) - (end.value ? TALL : LOW) / 2,
    })).sort((a, b) => a.top - b.top);
    const gaps = ends.map((end) => (end.value ? TALL : LOW));
    for (let i = 1; i < ends.length; i++) ends[i].top = Math.max(ends[i].top, ends[i - 1].top + gaps[i - 1]);
    let floor = height;
    for (let i = ends.length - 1; i >= 0; i--) {
      ends[i].top = Math.min(ends[i].top, floor - gaps[i]);
      floor = ends[i].top;
    }
    while (labels.length < ends.length) {
      const one = element("l-end");
      one.append(element("l-end-name", "span"), element("l-end-value number", "span"));
      labels.push(one);
      plot.over.append(one);
    }
    labels.forEach((one, i) => {
      one.hidden = i >= ends.length;
      if (one.hidden) return;
      const { name, value, left, top, tone } = ends[i];
      one.dataset.tone = tone;
      one.children[0].textContent = name;
      one.children[1].textContent = value;
      one.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    });
    this.scrub();
  }
}

function element(name: string, tag = "div"): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}
