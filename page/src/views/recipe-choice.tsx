// The recipe to begin with: tiza's own first, then the documents'.
import type { RecipeLine } from "../api";
import { counted } from "../parts/words";
import { t } from "../texts";

const ofDocument = (line: RecipeLine) => /^\d{3}-/.test(line.id);

interface Props { lines: RecipeLine[]; chosen: string; touched: boolean; onChoose: (line: RecipeLine) => void }

export function RecipeChoice({ lines, chosen, touched, onChoose }: Props) {
  const now = lines.find((line) => line.id === chosen);
  const group = (name: string, some: RecipeLine[]) =>
    some.length > 0 && <optgroup label={name}>{some.map((line) => <option key={line.id} value={line.id}>{line.id}</option>)}</optgroup>;
  return (
    <section class="c-part">
      <h2>{t("page.create.recipe")}</h2>
      <div class="c-recipe">
        <select
          aria-label={t("page.create.recipe")} value={now ? chosen : ""} disabled={!lines.length}
          onChange={(event) => { const line = lines.find((one) => one.id === event.currentTarget.value); if (line) onChoose(line); }}
        >
          {!now && <option value="">{t("page.create.recipe.none")}</option>}
          {group("tiza", lines.filter((line) => !ofDocument(line)))}
          {group(t("page.create.documents"), lines.filter(ofDocument))}
        </select>
        <p class="quiet">
          {now ? now.shows || `${now.recipe.model.name} · ${counted("page.epochs", Number(now.recipe.plan.epochs ?? 5))}` : t("page.create.recipe.own")}
          {now && touched && <> · {t("page.create.touched")} <button class="plain small c-again" onClick={() => onChoose(now)}>{t("page.create.again")}</button></>}
        </p>
      </div>
    </section>
  );
}
