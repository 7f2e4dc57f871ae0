// A number of the training that can be changed while it runs, on a logarithmic slider or typed; what took effect is said.
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Command } from "../api";
import { significant, t, typed, whole } from "../texts";

const RANGE = { lr: [-5, 0], weight_decay: [-6, 0] } as const; // powers of ten; the left end of a decay is 0
const FINE = 20; // places of the slider for a power of ten

interface Props {
  name: "lr" | "weight_decay"; value: number | null; current: number | null; setAt: number | null; able: boolean;
  tell: (command: Command) => void;
}

export function Tune({ name, value, current, setAt, able, tell }: Props) {
  const id = useId(), [text, setText] = useState<string | null>(null), [bad, setBad] = useState(false);
  const [sent, setSent] = useState<number | null>(null), timer = useRef(0);
  const [low, high] = RANGE[name], zero = name === "weight_decay";
  useEffect(() => { setSent(null); setText(null); }, [value, setAt]); // it came back
  useEffect(() => () => clearTimeout(timer.current), []);

  const shown = sent ?? value;
  const send = (wanted: number) => {
    setSent(wanted);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => tell({ command: "set", [name]: wanted }), 200);
  };
  const take = () => {
    if (text === null) return;
    const wanted = typed(text), good = typeof wanted === "number" && wanted >= 0 && (zero || wanted > 0);
    setBad(!good);
    if (!good) return;
    setText(null);
    if (wanted !== value) send(wanted);
  };
  const place = shown === null ? (low + high) / 2 * FINE : shown <= 0 ? low * FINE - 1 : Math.round(Math.log10(shown) * FINE);
  const least = low * FINE - (zero ? 1 : 0), clamped = Math.min(high * FINE, Math.max(least, place));
  const words = shown === null ? "–" : significant(shown);
  return (
    <div class="l-tune">
      <label for={id}>{t(`page.learn.${name}`)}</label>
      <input
        id={id} class="number" inputMode="decimal" value={text ?? words} disabled={!able} aria-invalid={bad}
        aria-describedby={`${id}-said`} onInput={(event) => setText(event.currentTarget.value)} onBlur={take}
        onKeyDown={(event) => { if (event.key === "Enter") take(); if (event.key === "Escape") { setText(null); setBad(false); } }}
      />
      <input
        type="range" min={least} max={high * FINE} step={1} value={clamped} disabled={!able}
        aria-label={t("page.learn.slider", { name: t(`page.learn.${name}`) })} aria-valuetext={words}
        onInput={(event) => {
          const at = Number(event.currentTarget.value);
          setText(null);
          setBad(false);
          send(at < low * FINE ? 0 : Number((10 ** (at / FINE)).toPrecision(2)));
        }}
      />
      <p id={`${id}-said`} class={`small ${bad ? "fault" : "quiet"}`} aria-live="polite">{said()}</p>
    </div>
  );

  function said(): string {
    if (bad) return t("page.learn.tune.bad");
    if (sent !== null) return t("page.learn.tune.sent");
    const parts = [];
    if (setAt !== null) parts.push(t("page.learn.tune.since", { step: whole(setAt) }));
    if (current !== null && value !== null && Math.abs(current - value) > 1e-3 * value) parts.push(t("page.learn.tune.now", { value: significant(current) }));
    return parts.join(" · ");
  }
}
