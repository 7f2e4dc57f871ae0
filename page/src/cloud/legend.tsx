// The classes by colour, shape and name; a press brings one out, or what was answered wrongly.
import { useRef } from "preact/hooks";
import type { Cloud, RunDetails } from "../api";
import { fit, usePainter } from "../learn/paint";
import { shape } from "../learn/shapes";
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
        <li key={k}><button aria-pressed={lit === k} onClick={() => toggle(k)}><Sign k={k} /> {name}</button></li>
      ))}
      <li>
        <button aria-pressed={lit === "wrong"} disabled={!wrong} onClick={() => toggle("wrong")}>
          <span class="k-boxed" aria-hidden="true">✗</span> {t("page.cloud.wrong", { n: whole(wrong) })}
        </button>
      </li>
    </ul>
  );
}

function Sign({ k }: { k: number }) {
  const host = useRef<HTMLSpanElement>(null), canvas = useRef<HTMLCanvasElement>(null);
  usePainter(host, (size) => {
    fit(canvas.current!, size);
    const on = canvas.current!.getContext("2d")!, w = canvas.current!.width;
    on.clearRect(0, 0, w, w);
    on.fillStyle = tone(k);
    shape(on, k, w / 2, w / 2, w * 0.36);
    on.fill();
  });
  return <span class="k-sign" ref={host}><canvas ref={canvas} aria-hidden="true" /></span>;
}
