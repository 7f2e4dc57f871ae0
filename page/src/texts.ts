// Language, and numbers as it writes them; the rules are those of tiza.i18n.
import { signal } from "@preact/signals";
import * as api from "./api";

export const lang = signal<api.Lang>("en");
const sentences = signal<Record<string, string>>({});

export async function choose(language: api.Lang): Promise<void> {
  api.speak(language);
  sentences.value = await api.texts(language);
  lang.value = language;
  document.documentElement.lang = language;
  localStorage.setItem("lang", language);
}

/** The first choice: the language of the command that opened the page, what was chosen here before, the browser's. */
export function preferred(): api.Lang {
  const asked = /[?&]lang=(es|en)/.exec(location.hash)?.[1] ?? localStorage.getItem("lang") ?? navigator.language;
  return asked.startsWith("es") ? "es" : "en";
}

/** The sentence `key`, its {fields} filled in: numbers are to be formatted before. */
export function t(key: string, fields: Record<string, string | number> = {}): string {
  const sentence = sentences.value[key];
  if (sentence === undefined) return key;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(fields[name] ?? `{${name}}`)).replaceAll(" %", "\u00a0%");
}

/** Groups by comma in English; in Spanish from five digits on, by a space that does not break. */
export function whole(value: number): string {
  const digits = Math.round(value).toString();
  if (lang.value === "es" && Math.abs(value) < 10_000) return digits;
  return digits.replace(/\B(?=(\d{3})+$)/g, lang.value === "es" ? "\u00a0" : ",");
}

export function decimal(value: number | null | undefined, digits: number): string {
  if (value == null || !Number.isFinite(value)) return "–";
  const text = value.toFixed(digits);
  return lang.value === "es" ? text.replace(".", ",") : text;
}

/** As many digits as a rate needs: 0.001, 3e-4. */
export function significant(value: number, digits = 3): string {
  const text = String(Number(value.toPrecision(digits)));
  return lang.value === "es" ? text.replace(".", ",") : text;
}

export const percent = (share: number | null | undefined, digits = 1): string =>
  share == null || !Number.isFinite(share) ? "–" : `${decimal(share * 100, digits)}\u00a0%`;

/** 8 s, 3 min 20 s, 1 h 05 min. */
export function seconds(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value < 10) return `${decimal(value, 1)}\u00a0s`;
  const s = Math.round(value);
  if (s < 60) return `${s}\u00a0s`;
  if (s < 3600) return `${Math.floor(s / 60)}\u00a0min ${s % 60}\u00a0s`;
  return `${Math.floor(s / 3600)}\u00a0h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}\u00a0min`;
}

/** A recipe's number as typed in a form, with either decimal sign; text that is none stays text. */
export function typed(text: string): unknown {
  const plain = text.trim();
  if (/^(none|null)$/i.test(plain)) return null;
  if (/^(true|false)$/i.test(plain)) return plain.toLowerCase() === "true";
  if (/^-?\d+,\d+$/.test(plain) && lang.value === "es") return Number(plain.replace(",", "."));
  if (plain !== "" && Number.isFinite(Number(plain))) return Number(plain);
  return plain.includes(",") ? plain.split(",").filter((part) => part.trim()).map(typed) : plain;
}
