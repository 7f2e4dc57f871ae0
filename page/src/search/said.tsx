// What the ranking says, and what it can't; while it runs, the best so far.
import type { SearchDetails } from "../api";
import { accuracyOf, between } from "../parts/words";
import { decimal, t, whole } from "../texts";
import { best, going, settings, share } from "./fields";

export function Said({ search }: { search: SearchDetails }) {
  const top = best(search.trials);
  if (!search.ranked || !top) {
    if (!going(search)) return null;
    return (
      <div class="s-said">
        <p>{!top ? t("page.search.none-yet") : t("page.search.so-far", { share: share(top.accuracy, search), k: whole(top.number), values: settings(top) || "–" })}</p>
        <p class="quiet">{t("page.search.ranked-later")}</p>
      </div>
    );
  }
  const { ties, worse, same, optimism, diverged, dropped, unfinished, test } = search.ranked;
  const others = { diverged, dropped, unfinished };
  return (
    <div class="s-said">
      <p class="s-best">{!search.fields.length ? t("page.search.alone", { share: share(top.accuracy, search), n: whole(search.of) }) : t("search.best", { k: whole(top.number), values: settings(top) || "–", share: share(top.accuracy, search) })}</p>
      {ties + worse > 0 && (
        <p>
          {t("search.ties", { ties: whole(ties), worse: whole(worse), n: whole(search.samples) })}{" "}
          {t("search.optimism", { points: decimal(100 * optimism, 1), n: whole(ties + worse + 1) })}
        </p>
      )}
      {same > 0 && <p>{t("search.same", { n: whole(same) })}</p>}
      {Object.entries(others).map(([what, n]) => n > 0 && <p key={what}>{t(`search.${what}`, { n: whole(n) })}</p>)}
      {test && <p>{t("page.search.test", { share: accuracyOf(test), interval: between(test.interval).replace("–", "\u2060–\u2060") })}</p>}
    </div>
  );
}
