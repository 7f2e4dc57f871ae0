// Model and plan as a form, made from the server's own description of them.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Fault, Field, Recipe, Schema } from "../api";
import { at, leavesOf, same } from "../parts/recipe";
import { t } from "../texts";
import { Entry, Menu } from "./entry";

const FIRST = {
  plan: ["epochs", "lr", "batch_size", "optimizer"],
  model: ["hidden", "channels", "dropout", "width"],
};

/** `draft` and `base` with all defaults filled in. */
interface Props { schema: Schema; draft: Recipe; base: Recipe | null; faults: Fault[]; onSet: (place: string, value: unknown) => void }

export function Fields({ schema, draft, base, faults, onSet }: Props) {
  const models = Object.keys(schema.models);
  const fields = { model: (schema.models[draft.model.name] ?? []).flatMap(leavesOf), plan: schema.plan.flatMap(leavesOf) };
  const places = new Set(["model.name", ...(["model", "plan"] as const).flatMap((part) => fields[part].map((field) => `${part}.${field.name}`))]);
  const found = faultsByField(faults, places);
  const elsewhere = faults.filter((fault) => !places.has(fieldOf(fault.where, places)));
  const otherModel = base !== null && base.model.name !== draft.model.name;

  const entry = (part: "model" | "plan") => (field: Field) => {
    const place = `${part}.${field.name}`;
    const moved = base && !(part === "model" && otherModel) && !same(at(base, place), at(draft, place)) && place !== "plan.probe";
    return (
      <Entry key={`${draft.model.name} ${place}`} place={place} field={field} value={at(draft, place)} fault={found.get(place)}
        was={moved ? at(base, place) ?? null : undefined} onValue={(value) => onSet(place, value)} />
    );
  };
  const part = (name: "model" | "plan", lead?: ComponentChildren) => {
    const early = FIRST[name].flatMap((wanted) => fields[name].filter((field) => field.name === wanted));
    const late = fields[name].filter((field) => !early.includes(field));
    return (
      <section class="c-part">
        <h2>{t(`page.create.${name}`)}</h2>
        <div class="c-fields">{lead}{early.map(entry(name))}</div>
        <More count={late.length} hot={late.some((field) => found.has(`${name}.${field.name}`))}>{late.map(entry(name))}</More>
      </section>
    );
  };
  return (
    <>
      {elsewhere.length > 0 && <ul class="c-faults fault" role="alert">{elsewhere.map((fault) => <li key={fault.where}>{fault.message}</li>)}</ul>}
      {part("model", (
        <Menu place="model.name" label={t("page.create.kind")} code="name" value={draft.model.name} fault={found.get("model.name")}
          was={otherModel ? base.model.name : undefined} choices={models.includes(draft.model.name) ? models : [draft.model.name, ...models]}
          onValue={(name) => onSet("model.name", name)} />
      ))}
      {part("plan")}
    </>
  );
}

/** The rest of the fields, shut until asked for or until one of them is at fault. */
function More({ count, hot, children }: { count: number; hot: boolean; children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  useEffect(() => { if (hot) setOpen(true); }, [hot]);
  if (!count) return null;
  return (
    <details class="c-more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("page.create.more", { n: count })}</summary>
      <div class="c-fields">{children}</div>
    </details>
  );
}

/** "model.hidden[1]" belongs to the field model.hidden. */
function fieldOf(where: string, places: Set<string>): string {
  let place = where.replace(/\[.*$/, "");
  while (!places.has(place) && place.includes(".")) place = place.slice(0, place.lastIndexOf("."));
  return place;
}

function faultsByField(faults: Fault[], places: Set<string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const fault of faults) {
    const place = fieldOf(fault.where, places);
    if (places.has(place)) found.set(place, [found.get(place), fault.message].filter(Boolean).join(" "));
  }
  return found;
}
