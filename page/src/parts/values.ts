// A recipe's values as text, in a field or in a sentence, and back.
import type { Field } from "../api";
import { lang, significant, t, typed } from "../texts";
import { isTree } from "./recipe";

const numeral = (value: number): string => {
  const text = String(value);
  return lang.value === "es" && !text.includes("e") ? text.replace(".", ",") : text;
};

/** A value as it stands in a field. */
export function written(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return numeral(value);
  // A decimal comma needs another mark between the values of a list.
  if (Array.isArray(value)) return value.map(written).join(lang.value === "es" && !value.every(Number.isInteger) ? "; " : ", ");
  return String(value);
}

/** A value as it is read in a sentence. */
export function shown(value: unknown): string {
  if (value === undefined) return t("page.default");
  if (value === null || (Array.isArray(value) && !value.length)) return t("page.none");
  if (typeof value === "boolean") return t(value ? "page.yes" : "page.no");
  if (isTree(value)) return Object.entries(value).map(([name, inner]) => `${name} ${shown(inner)}`).join(", ");
  return typeof value === "number" && !Number.isInteger(value) ? significant(value, 4) : written(value);
}

/** What was typed into a field. */
export function entered(text: string, field: Field): unknown {
  const plain = text.trim();
  if (field.type !== "list") return plain !== "" ? typed(plain) : field.default === null || field.default === undefined ? null : "";
  if (/^(none|null)$/i.test(plain) || (plain === "" && field.default === null)) return null;
  const mark = plain.includes(";") ? ";" : lang.value === "es" && /\s/.test(plain) ? /,?\s+/ : ",";
  return plain.split(mark).map((part) => part.trim()).filter(Boolean).map(typed);
}
