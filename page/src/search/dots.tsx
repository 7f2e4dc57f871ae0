// Every trial as a dot: a field across, its accuracy up. The arrow keys go from dot to dot.
import { useRef, useState } from "preact/hooks";
import type { SearchDetails, SearchField, Trial } from "../api";
import { decimal, percent, t, whole } from "../texts";
import { best, counts, endsOf, going, isNumber, keyOf, nameOf, ordered, settings, share, short, verdict } from "./fields";

interface Props { search: SearchDetails; x: SearchField; chosen: number | null; onChoose: (number: number) => void }
interface Tick { at: number; text: string }

const FEW = 60; // dots that have room for their intervals
const WIDE = 20; // times the lowest value is the highest where the axis is logarithmic

export function Dots({ search, x, chosen, onChoose }: Props) {
  const host = useRef<SVGSVGElement>(null);
  const [focus, setFocus] = useState<number | null>(null);
  const [near, setNear] = useState<number | null>(null);
  const axis = axisOf(search, x), winner = best(search.trials);
  const dots = search.trials.filter((one) => counts(one) || one.status === "diverged").sort((a, b) => axis.place(a) - axis.place(b) || a.number - b.number);
  const { low, high, ticks } = heights(dots);
  const height = (value: number) => 100 - 100 * Math.max(0, Math.min(1, (value - low) / (high - low)));
  const first = dots.some((one) => one.number === focus) ? focus : dots[0]?.number;
  const below = dots.filter((one) => counts(one) && one.accuracy! < low).length;
  const says = (one: Trial) =>
    `${t("page.search.trial", { k: whole(one.number) })}: ${counts(one) ? share(one.accuracy, search) : verdict(one)}, ${settings(one)}`;

  const move = (event: KeyboardEvent, i: number) => {
    const to: Record<string, number> = { ArrowLeft: i - 1, ArrowDown: i - 1, ArrowRight: i + 1, ArrowUp: i + 1, Home: 0, End: dots.length - 1 };
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); onChoose(dots[i].number); return; }
    const next = dots[Math.max(0, Math.min(to[event.key] ?? NaN, dots.length - 1))];
    if (!next) return;
    event.preventDefault();
    setFocus(next.number);
    host.current!.querySelector<SVGElement>(`[data-trial="${next.number}"]`)!.focus();
  };
  const read = dots.find((one) => one.number === near);
  return (
    <div class="s-dots">
      <p class="s-axis-y small quiet">{t("page.search.accuracy.axis")}{below > 0 && ` · ${t("page.search.dots.below", { n: whole(below) })}`}</p>
      <div class="s-field">
        <div class="s-ys small quiet" aria-hidden="true">{ticks.map(({ at, text }) => <span key={at} style={{ top: `${height(at)}%` }}>{text}</span>)}</div>
        <svg ref={host} role="group" aria-label={t("page.search.dots", { n: whole(dots.length), field: nameOf(x.field) })}>
          {ticks.map(({ at }) => <line key={at} class="s-line" x1="0" x2="100%" y1={`${height(at)}%`} y2={`${height(at)}%`} />)}
          {dots.length <= FEW && dots.map((one) => one.low !== null && one.high !== null && one.accuracy! >= low && (
            <line key={one.number} class="s-whisker" x1={`${axis.place(one)}%`} x2={`${axis.place(one)}%`} y1={`${height(one.low)}%`} y2={`${height(one.high)}%`} />
          ))}
          {dots.map((one, i) => (
            <svg key={one.number} x={`${axis.place(one)}%`} y={`${counts(one) ? height(one.accuracy!) : 100}%`} overflow="visible">
              <g
                class={["s-dot", `s-dot-${one.status}`, one === winner && "s-dot-won", counts(one) && one.accuracy! < low && "s-dot-below"].filter(Boolean).join(" ")}
                role="button" data-trial={one.number} tabindex={one.number === first ? 0 : -1} aria-pressed={one.number === chosen} aria-label={says(one)}
                onKeyDown={(event) => move(event, i)} onFocus={() => { setFocus(one.number); setNear(one.number); }} onBlur={() => setNear(null)}
                onClick={() => onChoose(one.number)} onMouseEnter={() => setNear(one.number)} onMouseLeave={() => setNear(null)}
              >
                <circle class="s-touch" r="10" />
                {counts(one) && one.accuracy! >= low ? <circle r="4.5" /> : counts(one) ? <path d="M-5 -9h10l-5 8z" /> : <path d="M-4 -8l8 8m0 -8l-8 8" />}
              </g>
            </svg>
          ))}
        </svg>
        <div class="s-xs small quiet" aria-hidden="true">{axis.ticks.map(({ at, text }) => <span key={at} style={{ left: `${at}%` }}>{text}</span>)}</div>
      </div>
      <p class="s-axis-x small quiet">{nameOf(x.field)}{axis.log && ` (${t("page.search.log")})`}</p>
      <p class="s-read small" aria-hidden="true">{read ? says(read) : <span class="quiet">{t("page.search.dots.how")}</span>}</p>
      <ul class="s-key small quiet">
        {winner && <li><i class="s-sample-dot s-sample-won" />{t("page.search.key.best")}</li>}
        {going(search) && <li><i class="s-sample-dot s-sample-running" />{t("page.search.key.open")}</li>}
        {dots.some((one) => !counts(one)) && <li><span class="wrong">×</span> {t("page.search.trial.diverged")}</li>}
      </ul>
    </div>
  );
}

/** Where a trial stands across, in per cent: a number on its axis, anything else in its turn. */
function axisOf(search: SearchDetails, x: SearchField): { place: (one: Trial) => number; ticks: Tick[]; log: boolean } {
  const listed = ordered(x), inset = (part: number) => 3 + 94 * part;
  const numbers = (x.drawn ? search.trials.map((one) => one.values[x.field]) : listed).filter(isNumber);
  if (!numbers.length || numbers.length < (x.drawn ? 1 : listed.length)) {
    const turn = new Map(listed.map((value, i) => [keyOf(value), inset((i + 0.5) / listed.length)]));
    return { place: (one) => turn.get(keyOf(one.values[x.field])) ?? 0, ticks: listed.map((value, i) => ({ at: inset((i + 0.5) / listed.length), text: short(value) })), log: false };
  }
  const low = Math.min(...numbers), high = Math.max(...numbers), log = low > 0 && high / low > WIDE;
  const on = (value: number) => (log ? Math.log(value) : value);
  const place = (value: number) => inset(high > low ? (on(value) - on(low)) / (on(high) - on(low)) : 0.5);
  const ticks = x.drawn ? (log ? powers(low, high) : steps(low, high, 5)) : numbers;
  return { place: (one) => place(one.values[x.field] as number), ticks: ticks.map((value) => ({ at: place(value), text: short(value) })), log };
}

/** 0.001, 0.01 … between the ends, with 2 and 5 between them where there are few. */
function powers(low: number, high: number): number[] {
  const of = (parts: number[]) => Array.from({ length: 60 }, (_, i) => i - 30).flatMap((power) => parts.map((part) => Number(`${part}e${power}`))).filter((value) => value >= low && value <= high);
  const tens = of([1]);
  return tens.length > 2 ? tens : of([1, 3]).length > 2 ? of([1, 3]) : of([1, 2, 5]);
}

function steps(low: number, high: number, most: number): number[] {
  const rough = (high - low || 1) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((one) => one >= rough) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function heights(dots: Trial[]): { low: number; high: number; ticks: Tick[] } {
  const known = dots.filter(counts), ends = endsOf(known.map((one) => one.accuracy!));
  const few = known.length <= FEW, least = Math.min(ends.low, ...known.filter((one) => few && one.low !== null && one.accuracy! >= ends.low).map((one) => one.low!));
  const most = Math.max(ends.high, ...known.filter((one) => few && one.high !== null).map((one) => one.high!));
  const edge = 0.06 * (most - least), low = Math.max(0, least - edge), high = Math.min(1, most + edge), at = steps(low, high, 5);
  const places = at.length > 1 && at[1] - at[0] < 0.0099 ? 1 : 0;
  return { low, high, ticks: at.map((value) => ({ at: value, text: places ? `${decimal(100 * value, 1)}\u00a0%` : percent(value, 0) })) };
}
