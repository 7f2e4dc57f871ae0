// Samples of a split, fetched by the chunk and kept for a while.
import { CHUNK, pixels, type Failure, type Form, type RunDetails } from "../api";
import { useEffect, useState } from "preact/hooks";
import { asFailure } from "./use";

export type Split = "train" | "valid" | "test";
export type Sample = Uint8Array | Float32Array;

const KEPT = 24; // chunks: 19 MB of MNIST
const chunks = new Map<string, Promise<ArrayBuffer>>();

function chunk(of: string, split: Split, number: number): Promise<ArrayBuffer> {
  const key = `${of} ${split} ${number}`;
  const kept = chunks.get(key) ?? pixels(of, split, number);
  chunks.delete(key); // the one used last stands last
  chunks.set(key, kept);
  if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value!);
  kept.catch(() => chunks.delete(key));
  return kept;
}

/** `length`: values per sample. */
export async function samples(of: string, split: Split, form: Form, length: number, index: number[]): Promise<Sample[]> {
  const wanted = [...new Set(index.map((i) => Math.floor(i / CHUNK)))];
  const found = new Map(await Promise.all(wanted.map(async (k) => [k, await chunk(of, split, k)] as const)));
  return index.map((i) => {
    const [buffer, at] = [found.get(Math.floor(i / CHUNK))!, (i % CHUNK) * length];
    return form.kind === "images" ? new Uint8Array(buffer, at, length) : new Float32Array(buffer, 4 * at, length);
  });
}

/** The samples once they are there; null before. */
export function useSamples(of: string, split: Split, form: Form | null, length: number, index: number[]) {
  const [state, setState] = useState<{ key: string; samples: Sample[] | null; failure: Failure | null }>({ key: "", samples: null, failure: null });
  const key = `${of} ${split} ${index}`;
  useEffect(() => {
    let wanted = form !== null;
    if (!form) return;
    samples(of, split, form, length, index).then(
      (found) => { if (wanted) setState({ key, samples: found, failure: null }); },
      (error) => { if (wanted) setState({ key, samples: null, failure: asFailure(error) }); },
    );
    return () => { wanted = false; };
  }, [key, form === null]);
  return state.key === key ? state : { samples: null, failure: null };
}

/** Values per sample; a run's points of a plane come with their label as a third. */
export const lengthOf = ({ form, facts }: RunDetails): number =>
  form?.kind === "images" ? form.channels * form.height * form.width : facts!.shape[0] + (form?.kind === "plane" ? 1 : 0);

/** At most `count` places of the list, the classes in turn, so that each is seen. */
export function inTurn(label: number[], count: number): number[] {
  const seen = new Map<number, number>();
  const rounds = label.map((k) => { seen.set(k, (seen.get(k) ?? -1) + 1); return seen.get(k)!; });
  return label.map((_, at) => at).sort((a, b) => rounds[a] - rounds[b] || label[a] - label[b]).slice(0, count);
}
