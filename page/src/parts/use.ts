// Hooks that several views share.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "../api";

export const asFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : new Failure(0, "unknown", error instanceof Error ? error.message : String(error));

export interface Loaded<T> { value: T | null; failure: Failure | null; again: () => Promise<void> }

/** What `load` gives, anew whenever `keys` change; the last answer stays until the next. A lost server is asked again. */
export function useLoaded<T>(load: () => Promise<T>, keys: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; failure: Failure | null }>({ value: null, failure: null });
  const turn = useRef(0);
  const again = useCallback(async () => {
    const mine = ++turn.current; // an answer that a later question has overtaken is dropped
    try {
      const value = await load();
      if (mine === turn.current) setState({ value, failure: null });
    } catch (error) {
      if (mine === turn.current) setState((last) => ({ value: last.value, failure: asFailure(error) }));
    }
  }, keys);
  useEffect(() => {
    void again();
    return () => { turn.current++; };
  }, [again]);
  useEvery(state.failure?.code === "server-gone" ? 2000 : null, again);
  return { ...state, again };
}

/** Acts every so many milliseconds, not while the page is hidden, and at once when it is shown again. */
export function useEvery(ms: number | null, act: () => unknown): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (ms === null) return;
    const beat = () => { if (!document.hidden) void latest.current(); };
    const timer = setInterval(beat, ms);
    document.addEventListener("visibilitychange", beat);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", beat);
    };
  }, [ms]);
}

export function useTitle(text: string): void {
  useEffect(() => { document.title = text ? `${text} – tiza` : "tiza"; }, [text]);
}

/** The text, changed at most once a second: what screen readers are told of something that moves. */
export function useSlowly(text: string): string {
  const [said, setSaid] = useState(text);
  const last = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, last.current + 1000 - performance.now());
    const timer = setTimeout(() => { last.current = performance.now(); setSaid(text); }, wait);
    return () => clearTimeout(timer);
  }, [text]);
  return said;
}
