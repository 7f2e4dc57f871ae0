// The data sets as cards: what the samples look like, how many there are, how the classes share them.
import type { ComponentChildren } from "preact";
import type { DataSet } from "../api";
import { Histogram } from "../parts/histogram";
import { Mosaic } from "../parts/mosaic";
import { Scatter } from "../parts/scatter";
import { counted, sizes } from "../parts/words";
import { t, whole } from "../texts";

const [WIDTH, HEIGHT] = [148, 88];

interface Props { sets: DataSet[]; chosen: string; onChoose: (data: DataSet) => void; children: ComponentChildren }

export function DataChoice({ sets, chosen, onChoose, children }: Props) {
  return (
    <fieldset class="c-part">
      <legend><h2>{t("page.create.data")}</h2></legend>
      <p class="quiet small">{t("page.create.counts")}</p>
      <div class="c-cards">
        {sets.map((data) => (
          <label class="c-card" key={data.name}>
            <span class="c-picture"><Picture data={data} /></span>
            <strong>{data.title}</strong>
            <input type="radio" name="data" checked={data.name === chosen} onChange={() => onChoose(data)} />
            <span class="quiet small">{counted("page.classes", data.classes.length)} · {shapeOf(data)}</span>
            <span class="quiet small c-counts">{[data.counts.train, data.counts.valid, data.counts.test].map(whole).join(" · ")}</span>
            <Histogram counts={data.histogram} classes={data.classes} />
          </label>
        ))}
        {!sets.some((data) => data.name === chosen) && (
          <p class="c-card c-own"><strong>{chosen}</strong><span class="quiet small">{t("page.create.own")}</span></p>
        )}
      </div>
      {children}
    </fieldset>
  );
}

function Picture({ data }: { data: DataSet }) {
  if (data.form.kind === "images") return <Mosaic data={data} width={WIDTH} rows={3} />;
  if (data.form.kind === "plane") return <Scatter data={data} side={HEIGHT} />;
  return <span class="c-features quiet small">{data.features.join(", ")}</span>;
}

const shapeOf = (data: DataSet): string =>
  data.form.kind === "images" ? sizes([data.form.height, data.form.width]) : counted("page.features", data.shape[0]);
