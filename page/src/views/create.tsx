// A new run: data, a recipe as preset, model and plan, and the same as code.
import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { Failed, Loading, sentence } from "../parts/failed";
import { differing, filled, lively, put, setOf } from "../parts/recipe";
import { asFailure, useLoaded, useTitle, type Loaded } from "../parts/use";
import { counted } from "../parts/words";
import { go } from "../route";
import { origin, type Origin } from "../search/origin";
import { lang, t } from "../texts";
import { useCheck } from "./checking";
import { DataChoice } from "./data-choice";
import { DataFields, Fields } from "./fields";
import { RecipeChoice } from "./recipe-choice";
import { Sizes } from "./sizes";
import { Code } from "../parts/code";
import "./create.css";

/** `from`: the run, or search/ID/TRIAL, whose recipe it starts from. */
export function Create({ from }: { from: string | null }) {
  useTitle(t("page.new"));
  const sets = useLoaded(api.dataSets, [lang.value]);
  const recipes = useLoaded(api.recipes, [lang.value]);
  const schema = useLoaded(api.schema, []);
  const base = useLoaded<Origin | null>(() => (from ? origin(from) : Promise.resolve(null)), [from, lang.value]);
  const all: Loaded<unknown>[] = [sets, recipes, schema, base];
  const failure = all.map((one) => one.failure).find(Boolean);
  if (sets.value && recipes.value && schema.value && (base.value || !from)) {
    return <Form key={from ?? ""} sets={sets.value} recipes={recipes.value} schema={schema.value} base={base.value?.recipe ? base.value : null} />;
  }
  return failure ? <Failed failure={failure} /> : <Loading>{t("page.create.loading")}</Loading>;
}

interface Props { sets: api.DataSet[]; recipes: api.RecipeLine[]; schema: api.Schema; base: Origin | null }

function Form({ sets, recipes, schema, base }: Props) {
  const presets = (data: api.DataSet) => recipes.filter((line) => data.recipes.includes(line.id) || line.data === data.name);
  const plain = (data: api.DataSet): api.Recipe => ({ data: { name: data.name }, model: { name: "mlp" }, plan: {} });
  const first = (data: api.DataSet) => presets(data).find((line) => line.id === data.default) ?? presets(data)[0];

  const [preset, setPreset] = useState(base ? "" : (sets[0] && first(sets[0])?.id) ?? "");
  const [draft, setDraft] = useState<api.Recipe>(() => lively(base?.recipe ?? first(sets[0])?.recipe ?? plain(sets[0])));
  const [failure, setFailure] = useState<api.Failure | null>(null);
  const [starting, setStarting] = useState(false);
  const checked = useCheck(draft);
  const faults = failure?.faults.length ? failure.faults : checked.faults;
  const chosen = sets.find((data) => data.name === setOf(draft));
  const line = recipes.find((one) => one.id === preset);
  const changes = base ? differing(base.recipe, draft, schema) : [];

  const change = (next: api.Recipe) => { setFailure(null); setDraft(next); };
  const take = (line: api.RecipeLine) => { setPreset(line.id); change(lively(line.recipe)); };
  const chooseData = (data: api.DataSet) => {
    const best = first(data);
    if (best) take(best);
    else { setPreset(""); change(lively(plain(data))); }
  };
  const set = (place: string, value: unknown) =>
    change(place === "model.name" ? { ...draft, model: { name: String(value) } } : put(draft, place, value));

  const start = async () => {
    if (starting) return;
    setStarting(true);
    try {
      go(`run/${(await api.start(draft)).id}`);
    } catch (error) {
      setFailure(asFailure(error));
      setStarting(false);
    }
  };
  useEffect(() => {
    const typed = (event: KeyboardEvent) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); void start(); }
    };
    addEventListener("keydown", typed);
    return () => removeEventListener("keydown", typed);
  });

  const blocked = faults.length > 0;
  const fields = { schema, draft: filled(draft, schema), base: base ? filled(base.recipe, schema) : null, faults, onSet: set };
  return (
    <div class="c-view">
      <div class="c-form">
        <header class="c-title">
          <h1>{t("page.new")}</h1>
          {base && (
            <p class="notice c-from">
              <span>{t("page.create.from")} <a href={base.href}>{base.name}</a>.</span>
              <span class={changes.length ? "c-changed" : "quiet"} aria-live="polite">
                {changes.length ? counted("page.create.changed", changes.length) : t("page.create.changed.none")}
              </span>
            </p>
          )}
        </header>
        <DataChoice sets={sets} chosen={setOf(draft)} onChoose={chooseData}><DataFields {...fields} counts={checked.counts} /></DataChoice>
        <RecipeChoice
          lines={chosen ? presets(chosen) : []} chosen={preset} onChoose={take}
          touched={line !== undefined && differing(line.recipe, draft, schema).length > 0}
        />
        <Fields {...fields} />
        {checked.code && (
          <section class={blocked ? "c-code c-stale" : "c-code"}>
            <h2>{t("page.create.code")}</h2>
            <Code name="Python" text={checked.code.python} />
            <Code name={t("page.create.command")} text={checked.code.command} />
          </section>
        )}
      </div>
      <aside class="c-side">
        <div class="c-start">
          <button class="main" onClick={start} disabled={blocked || starting}>{t(starting ? "page.starting" : "page.create.start")}</button>
          <span class={blocked ? "fault" : "quiet small"} role="status">
            {blocked ? counted("page.create.faults", faults.length) : failure ? sentence(failure) : <span class="c-keys">{t("page.create.keys")}</span>}
          </span>
        </div>
        <Sizes layers={checked.layers} parameters={checked.parameters} stale={blocked} />
      </aside>
    </div>
  );
}
