// Asking the network: at most every 120 ms, one question at a time, the latest wins, and nothing comes back after a clear.
import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { asFailure } from "../parts/use";

const WAIT = 120;

/** `picture`: what was asked about, where it got an answer. */
export interface Answer { prediction: api.Prediction | null; failure: api.Failure | null; picture: Blob | null }
const NOTHING: Answer = { prediction: null, failure: null, picture: null };

async function asked(id: string, picture: Blob): Promise<Answer> {
  const prediction = await api.predict(id, picture);
  return { prediction, failure: null, picture: prediction.label === null ? null : picture };
}

export function useAnswer(id: string) {
  const [answer, setAnswer] = useState<Answer>(NOTHING);
  const next = useRef<(() => Promise<Blob>) | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const turn = useRef(0);
  const busy = useRef(false);

  const plan = () => { if (timer.current === null && !busy.current) timer.current = setTimeout(send, WAIT); };
  const send = async () => {
    timer.current = null;
    const make = next.current;
    if (!make) return;
    next.current = null;
    busy.current = true;
    const mine = turn.current;
    let got: Answer;
    try {
      got = await asked(id, await make());
    } catch (error) {
      got = { ...NOTHING, failure: asFailure(error) };
    }
    busy.current = false;
    // A question that waits already belongs to a newer picture; its answer comes in a moment.
    if (mine === turn.current) setAnswer(got);
    if (next.current) plan();
  };
  const clear = () => {
    turn.current++;
    next.current = null;
    setAnswer(NOTHING);
  };
  useEffect(() => clear, [id]);
  return {
    ...answer,
    /** What `make` gives, soon. */
    ask: (make: () => Promise<Blob>) => { next.current = make; plan(); },
    /** The same at once, for a picture that was chosen; rejects with the failure and leaves the answer shown as it was. */
    askNow: async (blob: Blob) => {
      const mine = ++turn.current;
      next.current = null;
      const got = await asked(id, blob);
      if (mine === turn.current) setAnswer(got);
      return got.prediction!;
    },
    clear,
  };
}
