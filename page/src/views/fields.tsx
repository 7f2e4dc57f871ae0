// Data, model and plan as a form, made from the server's own description of them.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Counts, Fault, Field, Recipe, Schema } from "../api";
import { at, leavesOf, same } from "../parts/recipe";
import { t, whole } from "../texts";
import { Entry, Menu } from "./entry";

const FIRST: Record<Part, string[]> = {
  data: [],
  model: ["hidden", "channels", "dropout", "width"],
  plan: ["epochs", "lr", "batch_size", "optimizer"],
};
type Part = "data" | "model" | "plan";

/** `draft` and `base` with all defaults filled in. */
interface Props { schema: Schema; draft: Recipe; base: Recipe | null; faults: Fault[]; onSet: (place: string, value: unknown) => void }

export function Fields({ schema, draft, base, faults, onSet }: Props) {
  const places = placesOf(schema, draft), found = faultsByField(faults, places), models = Object.keys(schema.models);
  const elsewhere = faults.filter((fault) => !places.has(fieldOf(fault.where, places)));
  const all = { schema, draft, base, found, onSet };
  return (
    <>
      {elsewhere.length > 0 && <ul class="c-faults fault" role="alert">{elsewhere.map((fault) => <li key={fault.where}>{fault.message}</li>)}</ul>}
      <section class="c-part">
        <h2>{t("page.create.model")}</h2>
        <PartFields {...all} part="model" lead={(
          <Menu place="model.name" label={t("page.create.kind")} code="name" value={draft.model.name} fault={found.get("model.name")}
            was={base && base.model.name !== draft.model.name ? base.model.name : undefined}
            choices={models.includes(draft.model.name) ? models : [draft.model.name, ...models]} onValue={(name) => onSet("model.name", name)} />
        )} />
      </section>
      <section class="c-part">
        <h2>{t("page.create.plan")}</h2>
        <PartFields {...all} part="plan" />
      </section>
    </>
  );
}

/** `counts`: how many samples of each split come of it. */
export function DataFields({ counts, ...props }: Props & { counts: Counts | null }) {
  const { schema, draft, faults } = props;
  return (
    <PartFields {...props} part="data" found={faultsByField(faults, placesOf(schema, draft))} summary={t("page.create.data.more")}>
      {counts && (
        <p class={faults.length ? "quiet small c-stale" : "quiet small"} aria-live="polite">
          {t("page.create.divided", { train: whole(counts.train), valid: whole(counts.valid), test: whole(counts.test) })}
        </p>
      )}
    </PartFields>
  );
}

interface PartProps extends Omit<Props, "faults"> {
  part: Part; found: Map<string, string>; lead?: ComponentChildren; summary?: string; children?: ComponentChildren;
}

function PartFields({ schema, draft, base, found, onSet, part, lead, summary, children }: PartProps) {
  const fields = fieldsOf(schema, draft)[part], other = base !== null && base[part].name !== draft[part].name;
  const early = FIRST[part].flatMap((wanted) => fields.filter((field) => field.name === wanted));
  const late = fields.filter((field) => !early.includes(field));
  const entry = (field: Field) => {
    const place = `${part}.${field.name}`;
    const moved = base && !other && !same(at(base, place), at(draft, place)) && place !== "plan.probe";
    return (
      <Entry key={`${draft.model.name} ${place}`} place={place} field={field} value={at(draft, place)} fault={found.get(place)}
        was={moved ? at(base, place) ?? null : undefined} onValue={(value) => onSet(place, value)} />
    );
  };
  return (
    <>
      {(lead || early.length > 0) && <div class="c-fields">{lead}{early.map(entry)}</div>}
      <More count={late.length} summary={summary} hot={late.some((field) => found.has(`${part}.${field.name}`))}>
        <div class="c-fields">{late.map(entry)}</div>
        {children}
      </More>
    </>
  );
}

const fieldsOf = (schema: Schema, draft: Recipe): Record<Part, Field[]> => ({
  data: schema.data.flatMap(leavesOf), model: (schema.models[draft.model.name] ?? []).flatMap(leavesOf), plan: schema.plan.flatMap(leavesOf),
});

const placesOf = (schema: Schema, draft: Recipe): Set<string> => new Set([
  "model.name", ...Object.entries(fieldsOf(schema, draft)).flatMap(([part, fields]) => fields.map((field) => `${part}.${field.name}`)),
]);

/** The rest of the fields, shut until asked for or until one of them is at fault. */
function More({ count, summary, hot, children }: { count: number; summary?: string; hot: boolean; children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  useEffect(() => { if (hot) setOpen(true); }, [hot]);
  if (!count) return null;
  return (
    <details class="c-more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary ?? t("page.create.more", { n: count })}</summary>
      {children}
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
