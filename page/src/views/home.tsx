// The runs, the newest first.
import { useRef, useState } from "preact/hooks";
import * as api from "../api";
import { Failed, Loading, sentence } from "../parts/failed";
import { going } from "../parts/status";
import { say } from "../parts/toast";
import { asFailure, useEvery, useLoaded, useTitle } from "../parts/use";
import { go } from "../route";
import { SearchList } from "../search/list";
import { lang, t } from "../texts";
import { First } from "./first";
import { RunRow } from "./run-row";
import "./home.css";

export function Home() {
  useTitle("");
  const { value, failure, again } = useLoaded(api.runs, [lang.value]);
  const [gone, setGone] = useState<string[]>([]);
  const [picked, setPicked] = useState<string[]>([]);
  const list = useRef<HTMLUListElement>(null);
  const runs = value?.filter((run) => !gone.includes(run.id)) ?? null;
  useEvery(runs?.some((run) => going(run.status)) ? 2000 : 10_000, again);

  if (!runs) return failure ? <Failed failure={failure} /> : <Loading />;
  if (!runs.length) return failure ? <Failed failure={failure} /> : <><First /><SearchList /></>;

  const chosen = picked.filter((id) => runs.some((run) => run.id === id));
  const pick = (id: string, on: boolean) =>
    setPicked(on ? [...chosen, id].slice(-2) : chosen.filter((other) => other !== id)); // a third takes the first one's place
  const back = (id: string) => setGone((ids) => ids.filter((other) => other !== id));
  const remove = async (run: api.RunLine, place: number) => {
    if (going(run.status)) return say(t("page.home.stop-first", { name: run.name }));
    setGone((ids) => [...ids, run.id]);
    requestAnimationFrame(() => { // the focus goes to the neighbour, not to the top of the page
      const links = list.current?.querySelectorAll<HTMLElement>("a");
      links?.[Math.min(place, links.length - 1)]?.focus();
    });
    try {
      await api.remove(run.id);
      say(t("page.home.deleted", { name: run.name }), { name: t("page.undo"), act: () => undo(run.id) });
    } catch (error) {
      back(run.id);
      say(sentence(asFailure(error)));
    }
  };
  const undo = async (id: string) => {
    try {
      await api.restore(id);
      await again();
      back(id);
    } catch (error) {
      say(sentence(asFailure(error)));
    }
  };

  return (
    <div class="h-view">
      <div class="h-top">
        <h1>{t("page.home.title")}</h1>
        {runs.length > 1 && (
          <div class="h-compare">
            <span class="quiet small" aria-live="polite">{t(`page.home.picked.${chosen.length}`)}</span>
            <button disabled={chosen.length < 2} onClick={() => go(`compare/${chosen.join("/")}`)}>{t("page.home.compare")}</button>
          </div>
        )}
      </div>
      {failure && <Failed failure={failure} />}
      <ul class="h-list" ref={list}>
        <li class="h-head quiet small" aria-hidden="true">
          <span /><span>{t("page.home.run")}</span><span /><span>{t("page.home.validation")}</span>
          <span>{t("page.home.epochs")}</span><span>{t("page.home.time")}</span><span>{t("page.home.status")}</span><span />
        </li>
        {runs.map((run, place) => (
          <RunRow
            key={run.id} run={run} picked={chosen.includes(run.id)} onRemove={() => remove(run, place)}
            onPick={runs.length > 1 ? (on) => pick(run.id, on) : null}
          />
        ))}
      </ul>
      <SearchList />
    </div>
  );
}
