// A sparkline of validation accuracy: no axis, so it shows the way only; the figure stands beside it.
import "./parts.css";

const [WIDTH, HEIGHT, EDGE] = [96, 26, 3];

export function Spark({ values }: { values: number[] }) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = Math.max(high - low, 0.01); // a hundredth fills it at most: noise is not blown up
  const x = (i: number) => (values.length < 2 ? WIDTH - EDGE : EDGE + (i / (values.length - 1)) * (WIDTH - 2 * EDGE));
  const y = (value: number) => HEIGHT / 2 - ((value - (low + high) / 2) / span) * (HEIGHT - 2 * EDGE);
  const last = values.length - 1;
  return (
    <svg class="p-spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      {last > 0 && <polyline points={values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ")} />}
      {last >= 0 && <circle cx={x(last)} cy={y(values[last])} r={2.4} />}
    </svg>
  );
}
