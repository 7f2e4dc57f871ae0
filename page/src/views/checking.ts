// The recipe on screen, checked by the server a quarter of a second after the last change.
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { asFailure } from "../parts/use";
import { lang } from "../texts";

export type Checking = Omit<api.Checked, "recipe">;

/** Sizes and code stay those of the last recipe without a fault. */
export function useCheck(draft: api.Recipe): Checking {
  const [state, setState] = useState<Checking>({ faults: [], layers: [], parameters: null, counts: null, code: null });
  const first = useRef(true);
  const key = JSON.stringify(draft);
  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(async () => {
      try {
        const found = await api.check(draft);
        if (wanted) setState((last) => (found.faults.length ? { ...last, faults: found.faults } : found));
      } catch (error) {
        const failure = asFailure(error);
        if (wanted) setState((last) => ({ ...last, faults: failure.faults })); // a lost server is told of by the start
      }
    }, first.current ? 0 : 250);
    first.current = false;
    return () => { wanted = false; clearTimeout(timer); };
  }, [key, lang.value]);
  return state;
}
