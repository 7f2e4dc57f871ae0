// What the network will be: the size of every layer, and where its parameters are.
import type { ShapeRow } from "../api";
import { sizes } from "../parts/words";
import { t, whole } from "../texts";

export function Sizes({ layers, parameters, stale }: { layers: ShapeRow[]; parameters: number | null; stale: boolean }) {
  const most = Math.max(1, ...layers.map((row) => row.parameters));
  return (
    <section class={stale ? "c-sizes c-stale" : "c-sizes"}>
      <h2>
        <span class="c-total">{parameters === null ? "–" : whole(parameters)}</span> {t("page.create.parameters")}
      </h2>
      <div class="c-scroll" tabIndex={0} role="region" aria-label={t("page.create.layers")}>
        <table>
          <thead><tr><th>{t("col.layer")}</th><th class="number">{t("col.out")}</th><th class="number" colSpan={2}>{t("col.parameters")}</th></tr></thead>
          <tbody>
            {layers.map((row) => (
              <tr key={row.name}>
                <td><code title={row.kind}>{row.name}</code></td>
                <td class="number">{sizes(row.output)}</td>
                <td class="number">{row.parameters ? whole(row.parameters) : ""}</td>
                <td class="c-share" aria-hidden="true"><i style={{ width: `${(100 * row.parameters) / most}%` }} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
