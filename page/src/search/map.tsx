// Where in the space of settings it goes well: a heat map over two fields, or every trial as a dot over one.
import { useState } from "preact/hooks";
import type { SearchDetails, SearchField } from "../api";
import { t } from "../texts";
import { Dots } from "./dots";
import { free, nameOf, widest } from "./fields";
import { Heat } from "./heat";

export interface MapProps { search: SearchDetails; chosen: number | null; onChoose: (number: number) => void }

const ACCURACY = ""; // the other axis of dots

export function MapOf({ search, chosen, onChoose }: MapProps) {
  const fields = free(search);
  const [first] = useState(() => defaults(search)); // stays where it is when the ranking comes
  const [picked, setPicked] = useState<{ x?: string; y?: string }>({});
  const named = (field: string | undefined) => fields.find((one) => one.field === field);
  const x = named(picked.x) ?? named(first.x) ?? fields[0];
  if (!x) return null;
  const others = fields.filter((one) => one !== x && !one.drawn);
  const wanted = picked.y ?? first.y;
  const y = x.drawn || wanted === ACCURACY ? undefined : others.find((one) => one.field === wanted) ?? others[0];
  const swap = (field: string) => setPicked({ x: field, y: field === y?.field ? x.field : y?.field ?? wanted });
  return (
    <section class="s-map">
      <h2>{t("page.search.map")}</h2>
      <div class="s-top">
        <Choice label={t("page.search.across")} fields={fields} value={x.field} onValue={swap} />
        <Choice
          label={t("page.search.up")} fields={x.drawn ? [] : others} value={y?.field ?? ACCURACY} accuracy
          onValue={(field) => setPicked({ x: x.field, y: field })}
        />
      </div>
      <p class="s-note quiet small">{noteOf(fields, x, y)}</p>
      {y || (fields.length === 1 && !x.drawn && wanted !== ACCURACY)
        ? <Heat search={search} x={x} y={y ?? null} chosen={chosen} onChoose={onChoose} />
        : <Dots search={search} x={x} chosen={chosen} onChoose={onChoose} />}
    </section>
  );
}

function noteOf(fields: SearchField[], x: SearchField, y?: SearchField): string {
  if (!y) return t("page.search.map.dots");
  const others = fields.filter((one) => one !== x && one !== y).map((one) => nameOf(one.field));
  return others.length ? t("page.search.map.best", { fields: others.join(", ") }) : t("page.search.map.one");
}

/** Dots where values were drawn, cells otherwise. */
function defaults(search: SearchDetails): { x?: string; y?: string } {
  const fields = widest(search), drawn = fields.find((one) => one.drawn);
  return drawn ? { x: drawn.field, y: ACCURACY } : fields.length === 1 ? { x: fields[0].field, y: ACCURACY } : { x: fields[0]?.field, y: fields[1]?.field };
}

interface ChoiceProps { label: string; fields: SearchField[]; value: string; accuracy?: boolean; onValue: (field: string) => void }

function Choice({ label, fields, value, accuracy, onValue }: ChoiceProps) {
  return (
    <label class="s-choice small">
      <span class="quiet">{label}</span>
      <select value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {fields.map(({ field }) => <option key={field} value={field}>{nameOf(field)}</option>)}
        {accuracy && <option value={ACCURACY}>{t("page.search.accuracy")}</option>}
      </select>
    </label>
  );
}
