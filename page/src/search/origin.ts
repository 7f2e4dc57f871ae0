// Where a new run can start from: an earlier run, or a trial of a search.
import * as api from "../api";

export interface Origin { name: string; href: string; recipe: api.Recipe } // no recipe of a damaged run

/** `from`: a run's id, or search/ID/TRIAL. */
export async function origin(from: string): Promise<Origin> {
  const [what, id, trial] = from.split("/");
  if (what !== "search") {
    const { name, recipe } = await api.run(from);
    return { name, href: `#/run/${from}`, recipe };
  }
  const [{ name }, { recipe }] = await Promise.all([api.search(id), api.trial(id, Number(trial))]);
  return { name: `${name} · ${trial}`, href: `#/search/${id}`, recipe };
}
