// The diagnosis in words.
import type { Finding, RunDetails } from "../api";
import * as api from "../api";
import { Failed, Loading, capital } from "../parts/failed";
import { useLoaded } from "../parts/use";
import { lang, t } from "../texts";

export function Findings({ run }: { run: RunDetails }) {
  const { value: findings, failure } = useLoaded(() => api.findings(run.id), [run.id, lang.value, run.report?.valid.loss]);
  return (
    <section class="r-findings">
      <h2>{t("page.results.diagnosis")}</h2>
      {failure && <Failed failure={failure} />}
      {!findings && !failure && <Loading />}
      {findings?.length === 0 && <p>{t("page.results.healthy")}</p>}
      {findings?.map((found) => (
        <article key={found.code} class={`r-finding r-${found.severity}`}>
          <h3><Sign severity={found.severity} />{found.title}</h3>
          <p>{capital(found.sentence)}</p>
          <p class="quiet">{found.advice}</p>
        </article>
      ))}
    </section>
  );
}

// A circle, a triangle, an octagon; inside them an i or an exclamation mark.
const SHAPES: Record<Finding["severity"], string> = {
  note: "M8 1.4a6.6 6.6 0 1 1 0 13.2a6.6 6.6 0 1 1 0-13.2M8 7.2v4M8 4.6v.2",
  warning: "M8 1.8 14.8 14H1.2zM8 6.2v3.6M8 11.9v.1",
  problem: "M5.2 1.4h5.6l3.8 3.8v5.6l-3.8 3.8H5.2l-3.8-3.8V5.2zM8 4.6v4M8 11.2v.2",
};

function Sign({ severity }: { severity: Finding["severity"] }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" role="img" aria-label={t(`page.results.severity.${severity}`)}>
      <path d={SHAPES[severity]} />
    </svg>
  );
}
