// The classes by colour, shape and name; a press brings one out, or what was answered wrongly.
import type { Cloud, RunDetails } from "../api";
import { Sign } from "../learn/sign";
import { t, whole } from "../texts";
import type { Lit } from "./draw";
import { tone } from "./tones";

interface Props { run: RunDetails; cloud: Cloud; lit: Lit; choose: (lit: Lit) => void }

export function Legend({ run, cloud, lit, choose }: Props) {
  const wrong = cloud.labels.filter((label, i) => label !== cloud.answers[i]).length;
  const toggle = (of: Lit) => choose(lit === of ? null : of);
  return (
    <ul class="k-legend" aria-label={t("page.cloud.legend")}>
      {run.facts!.classes.map((name, k) => cloud.labels.includes(k) && (
        <li key={k}><button aria-pressed={lit === k} onClick={() => toggle(k)}><Sign k={k} tone={tone} of="k-sign" /> {name}</button></li>
      ))}
      <li>
        <button aria-pressed={lit === "wrong"} disabled={!wrong} onClick={() => toggle("wrong")}>
          <span class="k-boxed" aria-hidden="true">✗</span> {t("page.cloud.wrong", { n: whole(wrong) })}
        </button>
      </li>
    </ul>
  );
}
