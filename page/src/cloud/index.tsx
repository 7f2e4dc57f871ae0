// Validation samples as a cloud: what a layer of the network takes for alike lies together.
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { Failed, Loading } from "../parts/failed";
import { useLoaded } from "../parts/use";
import { decimal, lang, percent, significant, t, whole } from "../texts";
import type { Lit } from "./draw";
import { type Chosen, WorkedNumbers } from "../worked";
import { Legend } from "./legend";
import { Stage } from "./stage";
import "./cloud.css";

const METHODS = ["pca", "t-sne"] as const;

export function Cloud({ run }: { run: api.RunDetails }) {
  const host = useRef<HTMLElement>(null), near = useNear(host);
  const [method, setMethod] = useState<api.Cloud["method"]>("pca"), [layer, setLayer] = useState(""), [lit, setLit] = useState<Lit>(null);
  const { value, failure } = useLoaded(() => (near ? api.embedding(run.id, method, layer) : Promise.resolve(null)), [run.id, near, method, layer, lang.value]);
  const [chosen, choose] = useState<Chosen | null>(null);
  const shown = failure ? null : value, late = near && !failure && (!shown || shown.method !== method || (layer !== "" && shown.layer !== layer));
  return (
    <section class="k-cloud" ref={host} aria-busy={late}>
      <div class="r-head">
        <h2>{t("page.cloud.title")}</h2>
        <fieldset class="p-switch">
          <legend class="unseen">{t("page.cloud.method")}</legend>
          {METHODS.map((name) => (
            <label key={name}><input type="radio" name="cloud" checked={method === name} onChange={() => setMethod(name)} />{t(`page.cloud.${name}`)}</label>
          ))}
        </fieldset>
        {value && (
          <label class="k-layer">
            <span class="quiet">{t("page.cloud.layer")}</span>
            <select value={layer} onChange={(event) => setLayer(event.currentTarget.value)}>
              <option value="">{t("page.cloud.last")}</option>
              {value.layers.map((name) => <option key={name} value={name}>{name}</option>)}
            </select>
          </label>
        )}
      </div>
      {failure && <Failed failure={failure} />}
      {shown && <p class="k-facts">{facts(shown)} {t(`page.cloud.honest.${shown.method}`)}</p>}
      <div class="k-body" data-late={late}>
        {shown ? <Stage run={run} cloud={shown} lit={lit} work={({ index }) => choose({ split: "valid", index })} /> : !failure && <div class="k-stage k-empty" />}
        {late && <div class="k-wait"><Loading>{t(`page.cloud.loading.${method}`)}</Loading></div>}
        {shown && <Legend run={run} cloud={shown} lit={lit} choose={setLit} />}
      </div>
      {shown && <p class="quiet small">{t("page.cloud.how")}</p>}
      {chosen && <WorkedNumbers run={run} {...chosen} close={() => choose(null)} />}
    </section>
  );
}

function facts(cloud: api.Cloud): string {
  const of = { n: whole(cloud.index.length), layer: cloud.layer, units: whole(cloud.units), trust: decimal(cloud.trustworthiness, 2), near: whole(cloud.near) };
  const { explained, perplexity } = cloud;
  return explained
    ? t("page.cloud.facts.pca", { ...of, across: percent(explained[0]), up: percent(explained[1]) })
    : t("page.cloud.facts.t-sne", { ...of, perplexity: significant(perplexity ?? 0) });
}

/** Whether it has come near the window once: nothing is computed that nobody scrolls to. */
function useNear(host: { current: HTMLElement | null }): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const sight = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) setNear(true); }, { rootMargin: "300px" });
    sight.observe(host.current!);
    return () => sight.disconnect();
  }, []);
  return near;
}
