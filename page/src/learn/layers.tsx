// Panels 5 and 6: how the weights, or the biases, of a layer are spread, over time: nested bands of quantiles.
import { useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { significant, t } from "../texts";
import { empty } from "./curves";
import { inks, thin, usePainter, write } from "./paint";
import { Panel } from "./panel";
import { type End, Plot, type PlotSpec } from "./plot";
import type { Curve } from "./series";
import { upTo } from "./series";
import type { Past } from "./store";

type What = "weights" | "biases";
const ENDING = { weights: ".weight", biases: ".bias" };
const MIDDLE = 3; // of the seven quantiles

export function LayerPanel({ past, what, layers }: { past: Past; what: What; layers: string[] }) {
  const all = useMemo(
    () => layers.map((name, index) => ({ name, index })).filter(({ name }) => name.endsWith(ENDING[what])), [layers.join(), what],
  );
  const [chosen, choose] = useState<string | null>(null);
  const layer = all.find(({ name }) => name === chosen) ?? all[0] ?? null;
  const spec = useMemo(() => describe(past, layer?.index ?? -1), [past, layer?.index]);
  const note = useRef<HTMLElement>(null), body = useRef<HTMLDivElement>(null);
  const curve = () => (layer ? past.bands.of(layer.index) : null);

  usePainter(body, () => write(note.current, past.cursor.value === null ? "" : values(curve(), past.cursor.value, "note")));
  const title = t(`page.learn.${what}`);
  const select = layer && (
    <select class="l-layer" aria-label={t("page.learn.layer-of", { what: title })} value={layer.name}
      onChange={(event) => choose(event.currentTarget.value)}>
      {all.map(({ name }) => <option value={name} key={name}>{name.slice(0, -ENDING[what].length)}</option>)}
    </select>
  );
  return (
    <Panel name={what} title={title} note={note} aside={select}
      say={() => t("page.learn.layer.say", { layer: layer?.name ?? "–", values: values(curve(), past.cursor.value) })}>
      <div class="l-body" ref={body}><Plot spec={spec} key={layer?.name} /></div>
    </Panel>
  );
}

function describe(past: Past, layer: number): PlotSpec {
  const curve = () => (layer >= 0 ? past.bands.of(layer) : null);
  const shade = (share: number) => () => thin(inks().ink, share);
  const line = (width: number, share: number): uPlot.Series =>
    ({ stroke: () => thin(inks().ink, share), width });
  return {
    series: [line(1, 0.2), line(1, 0.15), line(1, 0.15), line(2, 1), line(1, 0.15), line(1, 0.15), line(1, 0.2)],
    bands: [
      { series: [7, 1], fill: shade(0.07) }, { series: [6, 2], fill: shade(0.11) }, { series: [5, 3], fill: shade(0.16) },
    ],
    data: () => {
      const found = curve();
      return found?.step.length ? [found.step, ...found.columns] as uPlot.AlignedData : empty(past.horizon(), 7);
    },
    range: () => spread(curve()),
    horizon: () => past.horizon(), perEpoch: () => past.now.value.perEpoch,
    version: () => `${past.bands.version} ${layer}`, cursor: () => past.cursor.value, seek: (step) => past.seek(step),
    tick: (value) => signed(value, 3),
    ends: () => {
      const found = curve(), last = (found?.step.length ?? 0) - 1, ends: End[] = [];
      if (!found || last < 0) return ends;
      const x = found.step[last], at = (k: number) => found.columns[k][last];
      for (const [k, name] of [[6, "page.learn.most"], [5, "95 %"], [MIDDLE, "page.learn.median"], [1, "5 %"], [0, "page.learn.least"]] as const) {
        const y = at(k);
        if (y !== null) ends.push({ name: `${name.startsWith("page.") ? t(name) : name} ${signed(y, 2)}`.replaceAll(" ", "\u00a0"), value: "", x, y, tone: k === MIDDLE ? "median" : "quiet" });
      }
      return ends;
    },
  };
}

const signed = (value: number, digits: number): string => significant(value, digits).replace("-", "−");

/** The range of all that is drawn, with a little air, so rounded that it moves seldom. */
function spread(curve: Curve | null): [number, number] {
  let low = Infinity, high = -Infinity;
  if (curve) {
    for (const value of curve.columns[0]) if (value !== null && value < low) low = value;
    for (const value of curve.columns[6]) if (value !== null && value > high) high = value;
  }
  if (!(low <= high)) return [-1, 1];
  const unit = 10 ** Math.floor(Math.log10(Math.max(high - low, Math.abs(high) * 1e-3, 1e-9))) / 2;
  return [Math.floor(low / unit) * unit, Math.max(Math.ceil(high / unit), Math.floor(low / unit) + 1) * unit];
}

function values(curve: Curve | null, at: number | null, where: "note" | "values" = "values"): string {
  const i = !curve ? -1 : at === null ? curve.step.length - 1 : upTo(curve.step, at);
  if (!curve || i < 0) return t("page.learn.nothing-yet");
  const of = (k: number) => signed(curve.columns[k][i] ?? NaN, 2);
  return t(`page.learn.layer.${where}`, { median: of(MIDDLE), low: of(1), high: of(5), least: of(0), most: of(6) });
}
