// Inside the network while one draws: kernels and maps, or the units that answer most with what they look for.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { sentence } from "../parts/failed";
import { colour, useTheme } from "../parts/ink";
import { useLoaded } from "../parts/use";
import { sizes } from "../parts/words";
import { decimal, lang, t, whole } from "../texts";
import "./inside.css";

export function Inside({ id, picture }: { id: string; picture: Blob | null }) {
  const [chosen, choose] = useState<string | null>(null);
  const { value: of, failure } = useLoaded(() => api.insideOf(id, chosen), [id, chosen, lang.value]);
  const given = useInside(id, of?.layer ?? null, picture);
  if (!of) return failure ? <p class="quiet t-inside">{sentence(failure)}</p> : null;
  const answer = given?.layer === of.layer ? given : null;
  const kind = of.shape.length ? (of.kernels ? "kernels" : "maps") : of.weighed ? "weights" : "units";
  return (
    <section class="t-inside" aria-labelledby="t-inside">
      <header>
        <h2 id="t-inside">{t("page.try.inside")}</h2>
        <label>
          <span>{t("page.try.layer")}</span>
          <select value={of.layer} onChange={(event) => choose(event.currentTarget.value)}>
            {of.layers.map(({ name, shape }) => <option key={name} value={name}>{`${name} · ${sizes(shape)}`}</option>)}
          </select>
        </label>
      </header>
      <p class="quiet">
        {t(`page.try.inside-${kind}`)}
        {of.shape.length > 0 && of.shown < of.count && ` ${t("page.try.inside-some", { n: whole(of.shown), of: whole(of.count) })}`}
      </p>
      <ol class={`t-cells t-${kind}`}>
        {Array.from({ length: of.shown }, (_, k) =>
          of.shape.length ? <Map key={k} of={of} answer={answer} k={k} /> : <Unit key={k} weighed={of.weighed} answer={answer} k={k} />)}
      </ol>
    </section>
  );
}

const Map = ({ of, answer, k }: { of: api.Inside; answer: api.InsideAnswer | null; k: number }) => (
  <li>
    {of.kernels && <Field of={of.kernels} k={k} shape={of.kernels.shape} side="2.25rem" />}
    <Field of={answer?.maps ?? null} k={k} shape={of.shape} side="4.75rem" />
    <span class="quiet small">{k}</span>
  </li>
);

function Unit({ weighed, answer, k }: { weighed: boolean; answer: api.InsideAnswer | null; k: number }) {
  const value = answer?.units?.[k] ?? null;
  const most = Math.max(...(answer?.units ?? [0]).map(Math.abs)) || 1;
  return (
    <li>
      {weighed && <Field of={answer?.weights ?? null} k={k} shape={answer?.weights?.shape ?? [1, 1]} side="4.75rem" />}
      <span class="t-unit small">
        <b>{value === null ? "–" : answer!.numbers[k]}</b>
        <span class="quiet">{value === null ? "" : decimal(value, 1)}</span>
      </span>
      <i class={value !== null && value < 0 ? "t-less" : undefined} style={{ width: `${value === null ? 0 : (100 * Math.abs(value)) / most}%` }} aria-hidden="true" />
    </li>
  );
}

/** Numbers on both sides of 0: the stronger the colour, the further from it; over three channels, red, green and blue. */
function Field({ of, k, shape, side }: { of: api.Signed | null; k: number; shape: number[]; side: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const [height, width] = shape.slice(-2);
  const values = of?.values[k];
  useLayoutEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    if (values) context.putImageData(painted(values, height, width), 0, 0);
    else context.clearRect(0, 0, width, height);
  }, [values, height, width, theme]);
  const scale = Math.max(height, width);
  return (
    <canvas
      ref={canvas} class="p-crisp" width={width} height={height} aria-hidden="true"
      style={{ width: `calc(${side} * ${width / scale})`, height: `calc(${side} * ${height / scale})` }}
    />
  );
}

function painted(values: number[], height: number, width: number): ImageData {
  const [picture, size] = [new ImageData(width, height), width * height];
  const [plus, minus] = ["plus", "minus"].map((name) => [1, 3, 5].map((at) => parseInt(colour(name).slice(at, at + 2), 16)));
  for (let i = 0; i < size; i++) {
    const tone = values[i] < 0 ? minus : plus;
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = values.length > size ? 128 + values[c * size + i] : tone[c];
    picture.data[4 * i + 3] = values.length > size ? 255 : 2 * Math.abs(values[i]);
  }
  return picture;
}

/** What comes out of the layer for the latest picture; one question at a time, the latest wins. */
function useInside(id: string, layer: string | null, picture: Blob | null): api.InsideAnswer | null {
  const [answer, setAnswer] = useState<api.InsideAnswer | null>(null);
  const next = useRef<(() => Promise<api.InsideAnswer>) | null>(null);
  const busy = useRef(false), turn = useRef(0);
  const send = async () => {
    busy.current = true;
    while (next.current) {
      const [ask, mine] = [next.current, turn.current];
      next.current = null;
      const got = await ask().catch(() => null);
      if (mine === turn.current) setAnswer(got);
    }
    busy.current = false;
  };
  const forget = () => { turn.current++; next.current = null; };
  useEffect(() => {
    if (layer === null || picture === null) {
      forget();
      setAnswer(null);
      return;
    }
    next.current = () => api.insideFor(id, layer, picture);
    if (!busy.current) void send();
  }, [id, layer, picture]);
  useEffect(() => forget, [id]);
  return answer;
}
