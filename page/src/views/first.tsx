// Nothing trained yet: the first run, one click away.
import { useState } from "preact/hooks";
import * as api from "../api";
import { Failed, Loading } from "../parts/failed";
import { Mosaic } from "../parts/mosaic";
import { lively } from "../parts/recipe";
import { asFailure, useLoaded } from "../parts/use";
import { go } from "../route";
import { lang, t } from "../texts";

const RECIPE = "mnist-fast";

export function First() {
  const recipes = useLoaded(api.recipes, [lang.value]);
  const sets = useLoaded(api.dataSets, [lang.value]);
  const [failure, setFailure] = useState<api.Failure | null>(null);
  const [starting, setStarting] = useState(false);
  const recipe = recipes.value?.find((line) => line.id === RECIPE)?.recipe;
  const digits = sets.value?.find((data) => data.name === "mnist");
  const start = async () => {
    if (!recipe) return;
    setStarting(true);
    setFailure(null);
    try {
      go(`run/${(await api.start(lively(recipe))).id}`);
    } catch (error) {
      setFailure(asFailure(error));
      setStarting(false);
    }
  };
  return (
    <div class="h-first">
      <div class="h-words">
        <h1>{t("page.first.title")}</h1>
        <p>{t("page.first.what")}</p>
        <p class="h-acts">
          <button class="main" onClick={start} disabled={!recipe || starting}>{t(starting ? "page.starting" : "page.first.start")}</button>
          <a href="#/new">{t("page.first.other")}</a>
        </p>
        {starting && <Loading />}
        {(failure ?? recipes.failure) && <Failed failure={(failure ?? recipes.failure)!} />}
      </div>
      <div class="h-board">{digits && <Mosaic data={digits} width={598} rows={3} side={56} />}</div>
    </div>
  );
}
