// One field of a recipe: its name in words and in code, its value, what is wrong with it, what it was before.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Field } from "../api";
import { same } from "../parts/recipe";
import { entered, shown, written } from "../parts/values";
import { t } from "../texts";

interface Common { place: string; fault?: string; was?: unknown }
interface EntryProps extends Common { field: Field; value: unknown; onValue: (value: unknown) => void }

export function Entry({ place, field, value, fault, was, onValue }: EntryProps) {
  const frame = { place, fault, was, code: field.name, label: called(place) ?? called(field.name) ?? field.name };
  if (field.type === "choice") return <Menu {...frame} value={String(value)} choices={field.choices} onValue={onValue} />;
  if (field.type !== "boolean") return <Typed {...frame} field={field} value={value} onValue={onValue} />;
  return (
    <Frame {...frame}>
      <span class="c-box"><input id={place} type="checkbox" checked={value === true} onChange={(event) => onValue(event.currentTarget.checked)} /></span>
    </Frame>
  );
}

function called(name: string): string | null {
  const key = `page.field.${name}`, text = t(key);
  return text === key ? null : text;
}

function Typed({ field, value, onValue, ...frame }: EntryProps & { label: string; code: string }) {
  const [text, setText] = useState(written(value));
  useEffect(() => { // a value from elsewhere (a preset) replaces the text; one's own typing does not
    if (!same(entered(text, field), value)) setText(written(value));
  }, [JSON.stringify(value)]);
  const { place, fault } = frame;
  const words = field.choices.length > 0;
  return (
    <Frame {...frame}>
      <input
        id={place} type="text" value={text} spellcheck={false} autocomplete="off" list={words ? `${place}-words` : undefined}
        inputMode={field.type === "integer" || field.type === "number" ? "decimal" : undefined}
        placeholder={field.default === null || field.type === "list" ? t("page.none") : undefined}
        aria-invalid={fault ? true : undefined} aria-describedby={`${place}-said`}
        onInput={(event) => { setText(event.currentTarget.value); onValue(entered(event.currentTarget.value, field)); }}
      />
      {words && <datalist id={`${place}-words`}>{field.choices.map((choice) => <option key={choice} value={choice} />)}</datalist>}
    </Frame>
  );
}

interface FrameProps extends Common { label: string; code?: string }
interface MenuProps extends FrameProps { value: string; choices: string[]; onValue: (value: string) => void }

export function Menu({ value, choices, onValue, ...frame }: MenuProps) {
  const { place, fault } = frame;
  return (
    <Frame {...frame}>
      <select
        id={place} value={value} aria-invalid={fault ? true : undefined} aria-describedby={`${place}-said`}
        onChange={(event) => onValue(event.currentTarget.value)}
      >
        {choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}
      </select>
    </Frame>
  );
}

function Frame({ place, label, code, fault, was, children }: FrameProps & { children: ComponentChildren }) {
  const moved = was !== undefined;
  return (
    <div class={moved ? "c-field c-moved" : "c-field"}>
      <label for={place}>{label}{code && code !== label && <code class="quiet">{code}</code>}</label>
      {children}
      <p class="c-said small" id={`${place}-said`}>
        {fault ? <span class="fault">{fault}</span> : moved && <span class="quiet">{t("page.create.was", { value: shown(was) })}</span>}
      </p>
    </div>
  );
}
