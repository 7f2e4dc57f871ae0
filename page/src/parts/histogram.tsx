// How many samples each class has, from 0.
import { t, whole } from "../texts";
import "./parts.css";

export function Histogram({ counts, classes }: { counts: number[]; classes: string[] }) {
  const most = Math.max(1, ...counts);
  const said = t("page.histogram", { classes: whole(counts.length), low: whole(Math.min(...counts)), high: whole(Math.max(...counts)) });
  return (
    <div class="p-histogram" role="img" aria-label={said} title={said}>
      {counts.map((n, k) => <i key={classes[k]} style={{ height: `${(100 * n) / most}%` }} />)}
    </div>
  );
}
