// The samples of one cell of the matrix, the surest answers first.
import { useMemo, useState } from "preact/hooks";
import type { Answers, RunDetails } from "../api";
import { Failed } from "../parts/failed";
import { lengthOf, useSamples } from "../parts/samples";
import { t, whole } from "../texts";
import { Samples } from "./samples";
import type { Cell } from "./matrix";

const PAGE = 24;

export function Examples({ run, answers, cell }: { run: RunDetails; answers: Answers; cell: Cell }) {
  const [shown, setShown] = useState(PAGE);
  const { form, facts } = run;
  const found = useMemo(
    () => answers.index.map((_, at) => at)
      .filter((at) => answers.label[at] === cell.label && answers.answer[at] === cell.answer)
      .sort((a, b) => answers.probability[b] - answers.probability[a]),
    [answers, cell.label, cell.answer],
  );
  const places = found.slice(0, shown);
  const { samples, failure } = useSamples(`run/${run.id}`, "valid", form, lengthOf(run), places.map((at) => answers.index[at]));
  const items = places.map((at) => ({
    index: answers.index[at], label: answers.label[at], answer: answers.answer[at], probability: answers.probability[at],
  }));
  const names = { label: facts!.classes[cell.label], answer: facts!.classes[cell.answer], n: whole(found.length) };
  const title = cell.label === cell.answer ? t("page.results.right", names) : t("page.results.opened", names);
  return (
    <section class="r-examples" aria-live="polite">
      <h3>{title}</h3>
      {failure && <Failed failure={failure} />}
      <Samples name={title} split="valid" run={run} samples={samples} items={items} />
      {found.length > shown && <button onClick={() => setShown(shown + 2 * PAGE)}>{t("page.results.more", { n: whole(found.length - shown) })}</button>}
    </section>
  );
}
