// See it learn: six panels, the controls, and the slider over the past.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Form, RunDetails } from "../api";
import { t } from "../texts";
import { type Chosen, WorkedNumbers } from "../worked";
import { BatchPanel } from "./batch";
import { Controls } from "./controls";
import { CurvePanel } from "./curves";
import { LayerPanel } from "./layers";
import "./learn.css";
import "./panels.css";
import "./dock.css";
import { Pixels } from "./pixels";
import { RegionsPanel } from "./regions";
import { Moment, Scrubber } from "./scrubber";
import { State } from "./state";
import { Past, alive } from "./store";
import { ValidationPanel } from "./validation";

const SIX = ["batch", "validation", "loss", "accuracy", "weights", "biases"];

export function Learn({ run, onChanged }: { run: RunDetails; onChanged: () => void }) {
  const past = useMemo(() => new Past(run), [run.id]);
  const changed = useRef(onChanged);
  changed.current = onChanged;
  useEffect(() => past.open(() => changed.current()), [past]);
  useEffect(() => past.heed(run), [past, run]);
  const [folded, fold] = useState(localStorage.getItem("folded") === "yes");
  const beside = useRef(false); // the column of controls, once there was something to control, stays: nothing moves at the end
  beside.current ||= alive(past.now.value.status);
  const toggle = () => { localStorage.setItem("folded", folded ? "no" : "yes"); fold(!folded); };
  return (
    <div class="l-learn" data-folded={folded} data-beside={beside.current} data-status={past.now.value.status}>
      <div class="l-dock">
        <div class="l-foot">
          <State past={past} run={run} alone={!beside.current} />
          <Moment past={past} />
          <Scrubber past={past} />
        </div>
        {beside.current && <aside class="l-side" aria-label={t("page.learn.controls")}>
          <button class="plain l-fold" aria-expanded={!folded} onClick={toggle} aria-label={t(folded ? "page.learn.unfold" : "page.learn.fold")}>
            <span aria-hidden="true">{folded ? "»" : "«"}</span>
          </button>
          <Controls past={past} id={run.id} />
        </aside>}
      </div>
      <Panels past={past} run={run} />
    </div>
  );
}

function Panels({ past, run }: { past: Past; run: RunDetails }) {
  const form = useStable(run.form), classes = useStable(run.facts?.classes) ?? [], layers = useStable(run.layers);
  const counts = useStable(run.facts?.counts);
  const pictures = form?.kind !== "table";
  const pixels = useMemo(() => {
    if (form?.kind !== "images" || !counts) return null;
    const of = (split: "train" | "valid") => new Pixels(`run/${run.id}`, split, form as Form, counts[split]);
    return { train: of("train"), valid: of("valid") };
  }, [run.id, form, counts]);
  const [chosen, choose] = useState<Chosen | null>(null);
  const work = (split: "train" | "valid") => ({ index }: { index: number }) => choose({ split, index });
  const names = run.panels.length ? run.panels : SIX;
  return (
    <div class="l-panels" data-regions={names.includes("regions")} data-loading={!past.ready.value}>
      {names.map((name) => {
        switch (name) {
          case "batch": return <BatchPanel key={name} past={past} pixels={pixels?.train ?? null} pictures={pictures} classes={classes} work={work("train")} />;
          case "validation": return <ValidationPanel key={name} past={past} run={run} pixels={pixels?.valid ?? null} pictures={pictures} classes={classes} work={work("valid")} />;
          case "loss": case "accuracy": return <CurvePanel key={name} past={past} what={name} />;
          case "weights": case "biases": return <LayerPanel key={name} past={past} what={name} layers={layers} />;
          case "regions": return <RegionsPanel key={name} past={past} run={run} />;
          default: return null;
        }
      })}
      {chosen && <WorkedNumbers run={run} {...chosen} close={() => choose(null)} />}
    </div>
  );
}

/** The same object as long as it says the same: the run's details come again and again. */
function useStable<T>(value: T): T {
  const held = useRef(value);
  if (JSON.stringify(held.current) !== JSON.stringify(value)) held.current = value;
  return held.current;
}
