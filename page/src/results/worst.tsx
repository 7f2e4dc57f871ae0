// The samples with the highest loss.
import type { Report, RunDetails } from "../api";
import { Failed } from "../parts/failed";
import { lengthOf, useSamples } from "../parts/samples";
import { t, whole } from "../texts";
import { Samples } from "./samples";

export function Worst({ run, report }: { run: RunDetails; report: Report }) {
  const { samples, failure } = useSamples(`run/${run.id}`, report.worst_split, run.form, lengthOf(run), report.worst.map((one) => one.index));
  const title = t("page.results.worst", { n: whole(report.worst.length) });
  return (
    <section class="r-worst">
      <h2>{title}</h2>
      <p class="quiet">{t(`page.results.worst.${report.worst_split}`)}</p>
      {failure && <Failed failure={failure} />}
      <Samples name={title} split={report.worst_split} run={run} samples={samples} items={report.worst} />
    </section>
  );
}
