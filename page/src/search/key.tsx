// What the shades and signs of the map mean.
import type { SearchDetails } from "../api";
import { t } from "../texts";
import { going, share } from "./fields";

interface Props { search: SearchDetails; ends: { low: number; high: number; below: boolean } | null; best: boolean; ties: boolean; kinds: string[] }

export function Key({ search, ends, best, ties, kinds }: Props) {
  return (
    <ul class="s-key small quiet">
      {ends && (
        <li class="s-ramp">
          <span>{share(ends.low, search)}{ends.below && ` ${t("page.search.key.below")}`}</span><i class="s-shades" /><span>{share(ends.high, search)}</span>
        </li>
      )}
      {best && <li><i class="s-sample s-won" />{t("page.search.key.best")}</li>}
      {ties && <li><i class="s-sample s-tied" />{t("verdict.tie")}</li>}
      {going(search) && <li><i class="s-sample s-open" />{t("page.search.key.open")}</li>}
      {kinds.map((kind) => <li key={kind}><i class={`s-sample s-${kind}`} />{t(`page.search.trial.${kind}`)}</li>)}
    </ul>
  );
}
