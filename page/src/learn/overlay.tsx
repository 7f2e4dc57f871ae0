// Two runs over one axis: told apart by dashes and by the letter at the line's end, not by colour alone.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import * as api from "../api";
import { lang, percent, significant, t } from "../texts";
import { empty, figure, places, round } from "./curves";
import "./learn.css";
import "./panels.css";
import { drawTracks } from "./marks";
import { inks, repaint, thin } from "./paint";
import { Panel } from "./panel";
import { type End, Plot, type PlotSpec } from "./plot";
import { alive } from "./store";

type What = "loss" | "accuracy";
const NAMES = ["A", "B"];
const DASHES = [undefined, [6, 4]];
const AGAIN = 3000; // ms between two looks at a run that goes on

export function Overlay({ runs }: { runs: api.RunDetails[] }) {
  const [pasts, setPasts] = useState<api.History[]>([]), [fault, setFault] = useState("");
  const going = runs.some((run) => alive(run.status)), ids = runs.map(({ id }) => id).join(" ");
  useEffect(() => {
    let gone = false;
    const load = () => Promise.all(runs.slice(0, 2).map(({ id }) => api.history(id)))
      .then((found) => { if (!gone) { setPasts(found); setFault(""); } })
      .catch((error: Error) => { if (!gone) setFault(error.message || t("page.learn.lost")); });
    void load();
    const timer = going ? setInterval(() => { if (!document.hidden) void load(); }, AGAIN) : 0;
    return () => { gone = true; clearInterval(timer); };
  }, [ids, going, lang.value]);
  return (
    <div class="l-overlay">
      {fault && <p class="fault" role="alert">{fault}</p>}
      <p class="l-key small">
        {NAMES.map((name, k) => <span key={name}><span class="l-key-line" data-dashed={k === 1} aria-hidden="true" /> {name}: {runs[k].name}</span>)}
        <span class="quiet">{t("page.learn.overlay.how")}</span>
      </p>
      <div class="l-panels l-two">
        {(["loss", "accuracy"] as const).map((what) => <Both key={what} what={what} pasts={pasts} />)}
      </div>
    </div>
  );
}

function Both({ what, pasts }: { what: What; pasts: api.History[] }) {
  const latest = useRef(pasts);
  latest.current = pasts;
  useEffect(repaint, [pasts]);
  const spec = useMemo(() => describe(what, () => latest.current), [what]);
  const say = () => pasts.map((past, k) => {
    const last = past.measured[past.measured.length - 1];
    return last ? `${NAMES[k]}: ${t("page.learn.values.measured", { train: figure(what, last.train[what][0]), valid: figure(what, last.valid[what][0]) })}` : "";
  }).filter(Boolean).join("; ") || t("page.learn.nothing-yet");
  return <Panel name={what} title={t(`page.learn.${what}`)} say={say}><div class="l-body"><Plot spec={spec} /></div></Panel>;
}

/** Over epochs, as steps of different batches don't compare. */
function describe(what: What, pasts: () => api.History[]): PlotSpec {
  const epoch = (past: api.History, step: number) => step / (past.steps_per_epoch || 1);
  const all = () => pasts().flatMap(({ measured }) => measured.flatMap((one) => [one.train[what][0], one.valid[what][0]])).filter((v) => v != null);
  return {
    series: NAMES.map((_, k) => ({ stroke: () => thin(inks().train, 0.16), width: 1, dash: DASHES[k], points: { show: false }, spanGaps: true })),
    data: () => {
      const found = pasts();
      if (!found.some(({ stepped }) => stepped.step.length)) return empty(1, 2);
      const x = [...new Set(found.flatMap((past) => past.stepped.step.map((step) => epoch(past, step))))].sort((a, b) => a - b);
      const at = new Map(x.map((value, i) => [value, i]));
      const columns = NAMES.map((_, k) => {
        const column: (number | null | undefined)[] = new Array(x.length).fill(undefined), past = found[k];
        past?.stepped.step.forEach((step, i) => { column[at.get(epoch(past, step))!] = past.stepped[what][i]; });
        return column;
      });
      return [x, ...columns] as uPlot.AlignedData;
    },
    range: () => {
      const values = all();
      if (what === "accuracy") return [values.length ? Math.floor((Math.min(...values) - 0.01) * 20) / 20 : 0, 1];
      return [0, round(Math.max(...values, 1e-6) * 1.15 || 1)];
    },
    horizon: () => Math.max(...pasts().map((past) => Math.max(
      epoch(past, past.stepped.step[past.stepped.step.length - 1] ?? 0), past.measured[past.measured.length - 1]?.epoch ?? 0,
    )), 1e-3),
    perEpoch: () => 1,
    version: () => pasts().map((past) => past.last).join(" "),
    tick: (value, shown) => (what === "accuracy" ? percent(value, places(shown)) : significant(value)),
    marks: (plot) => drawTracks(plot, pasts().flatMap(({ measured, steps_per_epoch }, k) => (["train", "valid"] as const).map((split) => ({
      x: measured.map((one) => one.step / steps_per_epoch), y: measured.map((one) => one[split][what][0] ?? NaN), dash: DASHES[k],
      colour: split === "train" ? inks().train : inks().validLine, fill: split === "train" ? inks().train : inks().paper,
      shape: split === "train" ? "round" as const : "square" as const,
    })))),
    ends: () => pasts().flatMap((past, k): End[] => {
      const last = past.measured[past.measured.length - 1];
      return last ? (["train", "valid"] as const).map((split) => ({
        name: `${NAMES[k]} ${t(`page.learn.${split}`)}`, value: figure(what, last[split][what][0]), x: epoch(past, last.step),
        y: last[split][what][0], tone: split,
      })) : [];
    }),
  };
}
