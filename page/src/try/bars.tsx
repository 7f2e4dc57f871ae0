// The probability of every class, in the classes' own order, so that the eye finds them again.
import type { Prediction } from "../api";
import { sure } from "../parts/words";

export function Bars({ classes, prediction }: { classes: string[]; prediction: Prediction | null }) {
  return (
    <ol class={classes.length > 12 ? "t-bars t-many" : "t-bars"}>
      {classes.map((name, k) => {
        const share = prediction?.probabilities?.[k] ?? null;
        return (
          <li key={name} class={prediction?.label === k ? "t-best" : undefined}>
            <span class="t-class">{name}</span>
            <span class="t-rail" aria-hidden="true"><i style={{ width: `${100 * (share ?? 0)}%` }} /></span>
            <span class="t-share">{sure(share)}</span>
          </li>
        );
      })}
    </ol>
  );
}
