// Labels in rows, answers in columns; the cells of validation open their images.
import { useState } from "preact/hooks";
import type { Answers, RunDetails } from "../api";
import { Failed } from "../parts/failed";
import type { Loaded } from "../parts/use";
import { t, whole } from "../texts";
import { Examples } from "./examples";
import { Matrix, type Cell } from "./matrix";

interface Props { run: RunDetails; confusion: number[][]; split: "valid" | "test"; answers: Loaded<Answers> }

export function Confusion({ run, confusion, split, answers }: Props) {
  const classes = run.facts!.classes;
  const errors = frequent(split === "valid" && answers.value ? answers.value.confusion : confusion);
  const [chosen, setChosen] = useState<Cell | null>(null);
  const open = split === "valid" && answers.value !== null;
  const now = chosen ?? errors[0] ?? null; // from the start the most frequent error lies open
  return (
    <div class="r-columns">
      <div class="r-matrix-side">
        <Matrix confusion={open ? answers.value!.confusion : confusion} classes={classes} chosen={open ? now : null} onOpen={open ? setChosen : null} />
        {classes.length === 2 && <p class="quiet small">{t("page.results.binary", { positive: classes[1] })}</p>}
        {errors.length > 1 && classes.length > 2 && (
          <div class="r-frequent">
            <h3 class="small quiet">{t("page.results.frequent")}</h3>
            <ul>
              {errors.slice(0, 5).map(({ label, answer, n }) => (
                <li key={`${label} ${answer}`}>
                  {open ? (
                    <button aria-pressed={now?.label === label && now.answer === answer} onClick={() => setChosen({ label, answer })}>
                      <Pair label={classes[label]} answer={classes[answer]} n={n} />
                    </button>
                  ) : <span class="r-pair"><Pair label={classes[label]} answer={classes[answer]} n={n} /></span>}
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
      {split === "test" ? <p class="r-shut quiet">{t("page.results.shut")}</p>
        : answers.failure ? <Failed failure={answers.failure} />
        : answers.value && now ? <Examples key={`${now.label} ${now.answer}`} run={run} answers={answers.value} cell={now} />
        : <p class="r-shut quiet">{answers.value ? t("page.results.no-errors") : t("page.loading")}</p>}
    </div>
  );
}

const Pair = ({ label, answer, n }: { label: string; answer: string; n: number }) => (
  <>{t("page.results.taken-for", { label, answer })} <span class="quiet">{whole(n)}</span></>
);

/** The errors, the most frequent first. */
function frequent(confusion: number[][]): (Cell & { n: number })[] {
  return confusion
    .flatMap((row, label) => row.map((n, answer) => ({ label, answer, n })))
    .filter((cell) => cell.label !== cell.answer && cell.n > 0)
    .sort((a, b) => b.n - a.n);
}
