// Recipes as plain trees: reading and writing by place ("plan.lr"), defaults filled in, what differs.
import type { Field, Options, Recipe, Schema } from "../api";

export const isTree = (value: unknown): value is Options => typeof value === "object" && value !== null && !Array.isArray(value);

export const at = (tree: unknown, place: string): unknown =>
  place.split(".").reduce<unknown>((inner, name) => (isTree(inner) ? inner[name] : undefined), tree);

/** A copy with `value` at `place`. */
export function put<T>(tree: T, place: string, value: unknown): T {
  const [name, ...rest] = place.split(".");
  const inner = (tree as Options)[name];
  return { ...tree, [name]: rest.length ? put(isTree(inner) ? inner : {}, rest.join("."), value) : value };
}

export const same = (one: unknown, other: unknown): boolean => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** A field whose default is a tree (plan.augment) as one field for each leaf, "augment.shift". */
export function leavesOf(field: Field): Field[] {
  if (!isTree(field.default)) return [field];
  return Object.entries(field.default).map(([name, value]) => ({
    name: `${field.name}.${name}`, type: typeof value === "boolean" ? "boolean" : "number", default: value, choices: [],
  }));
}

const defaults = (fields: Field[]): Options => Object.fromEntries(fields.map((field) => [field.name, field.default]));

/** The recipe with the defaults of what it leaves out. */
export function filled(recipe: Recipe, schema: Schema): Recipe {
  const plan = defaults(schema.plan);
  const given = Object.entries(recipe.plan ?? {}).map(([name, value]) => [name, isTree(value) && isTree(plan[name]) ? { ...plan[name], ...value } : value]);
  return {
    data: { ...defaults(schema.data), ...recipe.data }, model: { ...defaults(schema.models[recipe.model.name] ?? []), ...recipe.model },
    plan: { ...plan, ...Object.fromEntries(given) },
  };
}

/** The name that the recipe's data set has on the page. */
export const setOf = ({ data }: Recipe): string => (data.kind ? `${data.name}-${data.kind}` : data.name);

function leaves(tree: Options, before = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(tree)) {
    if (isTree(value)) leaves(value, `${before}${name}.`).forEach((inner, place) => found.set(place, inner));
    else found.set(before + name, value);
  }
  return found;
}

export interface Difference { place: string; one: unknown; other: unknown }

/** Where two recipes differ. How often pictures are taken decides nothing of what is learnt, and is passed over. */
export function differing(one: Recipe, other: Recipe, schema: Schema): Difference[] {
  const [a, b] = [one, other].map((recipe) => leaves(filled(recipe, schema) as unknown as Options));
  const changed = ["data", "model"].filter((part) => !same(a.get(`${part}.name`), b.get(`${part}.name`)));
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((place) => place !== "plan.probe" && !same(a.get(place), b.get(place)))
    // Of another model or data set, the options that only one of the two has say nothing new.
    .filter((place) => !changed.includes(place.split(".")[0]) || (a.has(place) && b.has(place)))
    .map((place) => ({ place, one: a.get(place), other: b.get(place) }));
}

/** The page is to move ten times a second where the recipe leaves the pace at its default of two. */
export function lively(recipe: Recipe): Recipe {
  const probe = recipe.plan?.probe;
  return probe === undefined || probe === 0.5 ? { ...recipe, plan: { ...recipe.plan, probe: 0.1 } } : recipe;
}
