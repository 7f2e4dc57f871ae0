// Whether confidence is the share of right answers, and what it gives to say "I don't know" below one.
import { useMemo, useState } from "preact/hooks";
import type { Answers } from "../api";
import { between, digits } from "../parts/words";
import { decimal, percent, t, whole } from "../texts";
import { above, binned, enough, error, sorted, type Bin, type Share } from "./reliability";

const WANTED = [0.95, 0.99, 0.999];
const STEPS = [...Array.from({ length: 100 }, (_, k) => k / 100), ...Array.from({ length: 9 }, (_, k) => 0.991 + k / 1000)];
const DEPTHS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]; // how far below 100 % an axis begins
const [LEFT, SIDE] = [42, 250]; // of a plot, in a picture 320 wide

export function Calibration({ answers }: { answers: Answers }) {
  const bins = useMemo(() => binned(answers), [answers]);
  const found = error(bins);
  return (
    <section class="r-calibration">
      <h2>{t("page.results.calibration", { error: percent(found) })}</h2>
      <p>{t("page.results.calibration.means")}</p>
      <div class="r-pair-of">
        <div>
          <h3>{t("page.results.calibration.diagram")}</h3>
          <Diagram bins={bins} />
          <Numbers bins={bins} />
        </div>
        <Threshold answers={answers} />
      </div>
    </section>
  );
}

/** A dot with its interval for each bin against the diagonal; below, how many answers it has, by their logarithm. */
function Diagram({ bins }: { bins: Bin[] }) {
  const x = (share: number) => LEFT + SIDE * share;
  const y = (share: number) => 10 + SIDE * (1 - share);
  const most = Math.log10(Math.max(10, ...bins.map((bin) => bin.n)));
  const high = (n: number) => (n ? 3 + (42 * Math.log10(n)) / most : 0);
  const some = bins.filter((bin) => bin.n);
  return (
    <svg class="r-plot" viewBox="0 0 320 368" role="img" aria-label={t("page.results.calibration.said", { n: whole(some.length) })}>
      {[0, 0.5, 1].map((at) => (
        <g key={at}>
          <path class="r-grid" d={`M${LEFT} ${y(at)}h${SIDE}M${x(at)} 10v${SIDE}`} />
          <text x={LEFT - 6} y={y(at) + 4} text-anchor="end">{percent(at, 0)}</text>
          <text x={x(at)} y={344} text-anchor="middle">{percent(at, 0)}</text>
        </g>
      ))}
      <path class="r-diagonal" d={`M${x(0)} ${y(0)}L${x(1)} ${y(1)}`} />
      {some.map((bin) => (
        <g key={bin.from}>
          <path class="r-whisker" d={`M${x(bin.confidence)} ${y(bin.low)}V${y(bin.high)}`} />
          <circle class="r-dot" cx={x(bin.confidence)} cy={y(bin.accuracy)} r="4.5" />
          <rect class="r-count" x={x(bin.from) + 1} width={SIDE / bins.length - 2} y={325 - high(bin.n)} height={high(bin.n)} />
        </g>
      ))}
      <text class="r-name" x={LEFT} y={362}>{t("page.results.calibration.axis")}</text>
    </svg>
  );
}

/** The bins as a table, for who wants the figures or can't see the picture. */
function Numbers({ bins }: { bins: Bin[] }) {
  const name = t("page.results.calibration.numbers");
  return (
    <details>
      <summary>{name}</summary>
      <div class="r-scroll" tabIndex={0} role="region" aria-label={name}>
        <table>
          <thead>
            <tr><th>{t("col.confidence")}</th><th class="number">{t("page.results.n")}</th><th class="number">{t("col.mean-confidence")}</th><th class="number">{t("page.results.calibration.right")}</th></tr>
          </thead>
          <tbody>
            {bins.filter((bin) => bin.n).map((bin) => (
              <tr key={bin.from}>
                <td>{decimal(100 * bin.from, 0)}–{percent(bin.to, 0)}</td><td class="number">{whole(bin.n)}</td>
                <td class="number">{percent(bin.confidence)}</td><td class="number">{told(bin)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

const told = (of: Share): string => `${percent(of.accuracy, digits([of.low, of.high]))} (${between([of.low, of.high])})`;

/** A slider: what is still answered, and how much of that is right. */
function Threshold({ answers }: { answers: Answers }) {
  const all = useMemo(() => sorted(answers), [answers]);
  const curve = useMemo(() => STEPS.map((from) => ({ from, ...above(all, from) })).filter((one) => one.n), [all]);
  const [step, setStep] = useState(0);
  const now = above(all, STEPS[step]);
  const n = all.confidence.length;
  const from = percent(STEPS[step], STEPS[step] > 0.99 ? 1 : 0);
  const answered = t("page.results.threshold.answered", { n: whole(now.n), of: whole(n), share: percent(now.n / n) });
  const right = now.n ? t("page.results.threshold.right", { share: told(now) }) : t("page.results.threshold.none");
  return (
    <div class="r-threshold">
      <h3 id="r-threshold">{t("page.results.threshold")}</h3>
      <label class="r-slider">
        <input type="range" min={0} max={STEPS.length - 1} value={step} aria-labelledby="r-threshold"
          aria-valuetext={`${from}. ${answered} ${right}`} onInput={(event) => setStep(Number(event.currentTarget.value))} />
        <output>{from}</output>
      </label>
      <p class="r-outcome"><span>{answered}</span> <b>{right}</b></p>
      <div class="r-wanted" role="group" aria-label={t("page.results.threshold.wanted")}>
        <span class="quiet small" aria-hidden="true">{t("page.results.threshold.wanted")}</span>
        {WANTED.map((wanted) => {
          const lowest = enough(all, wanted, STEPS);
          return (
            <button key={wanted} disabled={lowest === null} aria-pressed={lowest !== null && STEPS.indexOf(lowest) === step}
              onClick={() => setStep(STEPS.indexOf(lowest!))}>{percent(wanted, wanted > 0.99 ? 1 : 0)}</button>
          );
        })}
      </div>
      <Curve name={t("page.results.threshold.accuracy")} points={curve.map((one) => [one.from, one.accuracy])} band={curve} at={STEPS[step]} now={now.accuracy} />
      <Curve name={t("page.results.threshold.coverage")} points={curve.map((one) => [one.from, one.n / n])} at={STEPS[step]} now={now.n / n} />
    </div>
  );
}

interface Line { name: string; points: [number, number][]; band?: Share[]; at: number; now: number }

/** A share against the threshold, from where it begins to 100 %; accuracy with its interval. */
function Curve({ name, points, band, at, now }: Line) {
  const least = band ? Math.min(...band.map((one) => one.accuracy)) : 0;
  const floor = 1 - (DEPTHS.find((depth) => 1 - depth <= least) ?? 1);
  const [top, high] = [26, 84];
  const x = (share: number) => LEFT + SIDE * share;
  const y = (share: number) => top + high * (1 - (Math.max(floor, share) - floor) / (1 - floor)); // what is lower lies at the foot
  const line = points.map(([from, share]) => `${x(from).toFixed(1)} ${y(share).toFixed(1)}`).join("L");
  const back = band && [...band.map((one, k) => [points[k][0], one.high]), ...band.map((one, k) => [points[k][0], one.low]).reverse()];
  return (
    <svg class="r-plot" viewBox="0 0 320 132" role="img" aria-label={`${name}: ${percent(now)}`}>
      <text class="r-name" x={LEFT} y={14}>{name}</text>
      {floor > 0 && <text x={LEFT + SIDE} y={14} text-anchor="end">{t("page.results.threshold.zoom", { low: decimal(100 * floor, 0) })}</text>}
      {[floor, 1].map((share) => (
        <g key={share}><path class="r-grid" d={`M${LEFT} ${y(share)}h${SIDE}`} /><text x={LEFT - 6} y={y(share) + 4} text-anchor="end">{percent(share, 0)}</text></g>
      ))}
      {[0, 0.5, 1].map((share) => <text key={share} x={x(share)} y={126} text-anchor="middle">{percent(share, 0)}</text>)}
      {back && <path class="r-band" d={`M${back.map(([from, share]) => `${x(from).toFixed(1)} ${y(share).toFixed(1)}`).join("L")}Z`} />}
      <path class={band ? "r-line" : "r-line r-ink"} d={`M${line}`} />
      <path class="r-here" d={`M${x(at)} ${top}v${high}`} />
      {Number.isFinite(now) && <circle class="r-mark" cx={x(at)} cy={y(now)} r="4.5" />}
    </svg>
  );
}
