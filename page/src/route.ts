// The address after #: "" home, "new", "new?from=ID", "run/ID", "run/ID/results", "run/ID/try", "compare/ID/ID",
// "search/ID", "new?from=search/ID/TRIAL".
import { signal } from "@preact/signals";

export interface Place { path: string[]; query: URLSearchParams }
const read = (): Place => {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path ? path.split("/") : [], query: new URLSearchParams(query) };
};
export const place = signal<Place>(read());
addEventListener("hashchange", () => { place.value = read(); scrollTo(0, 0); });
export const go = (to: string) => { location.hash = `#/${to}`; };
