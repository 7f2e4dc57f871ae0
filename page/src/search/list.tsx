// The searches under the runs, where there is one.
import * as api from "../api";
import { useEvery, useLoaded } from "../parts/use";
import { when } from "../parts/words";
import { lang, percent, t, whole } from "../texts";
import { going } from "./fields";
import { SearchWord } from "./status";
import "./search.css";

export function SearchList() {
  const { value, again } = useLoaded(api.searches, [lang.value]);
  useEvery(value?.some(going) ? 2000 : 10_000, again);
  if (!value?.length) return null;
  return (
    <section class="s-list">
      <h2>{t("page.home.searches")}</h2>
      <ul>
        {value.map((search) => (
          <li key={search.id}>
            <span class="s-list-name">
              <a href={`#/search/${search.id}`}>{search.data ? `${search.data} · ${search.model}` : search.name}</a>
              {search.started !== null && <span class="quiet small">{when(search.started)}</span>}
            </span>
            <span class="s-list-best">
              <strong>{search.best === null ? "–" : percent(search.best)}</strong>
              <span class="quiet small">{t("page.home.best")}</span>
            </span>
            <span class="quiet">{search.of > 0 && t("search.done", { done: whole(search.done), of: whole(search.of) })}</span>
            <SearchWord status={search.status} />
          </li>
        ))}
      </ul>
    </section>
  );
}
