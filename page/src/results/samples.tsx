// Samples with the right label below left and the answer below right; rows of a table as rows.
import type { RunDetails } from "../api";
import { areSigns } from "../parts/ink";
import type { Sample } from "../parts/samples";
import { Tile } from "../parts/tile";
import { sure } from "../parts/words";
import { significant, t } from "../texts";

export interface Item { index: number; label: number; answer: number; probability: number }

interface Props { run: RunDetails; samples: Sample[] | null; items: Item[]; name: string }

export function Samples({ run, samples, items, name }: Props) {
  if (run.form?.kind !== "images") return <Rows run={run} samples={samples} items={items} name={name} />;
  const { form, facts } = run;
  const signs = samples !== null && areSigns(samples, form);
  const long = facts!.classes.some((name) => name.length > 3); // names need room, and the picture takes it too
  return (
    <ul class={long ? "r-tiles r-named" : "r-tiles"}>
      {items.map((item, k) => {
        const [label, answer] = [facts!.classes[item.label], facts!.classes[item.answer]];
        return (
          <li key={item.index} class={item.label === item.answer ? "r-tile" : "r-tile r-is-wrong"}>
            <Tile sample={samples?.[k] ?? null} form={form} signs={signs} side={long ? 84 : 56} />
            <span class="r-said" aria-hidden="true">
              <b class="right" title={label}>{label}</b>{item.label !== item.answer && <b class="wrong" title={answer}>{answer}</b>}
            </span>
            <span class="quiet r-sure">{sure(item.probability)}</span>
            <span class="unseen">{t("page.results.tile", { label, answer })}</span>
          </li>
        );
      })}
    </ul>
  );
}

function Rows({ run, samples, items, name: title }: Props) {
  const { classes, features } = run.facts!;
  const names = features.length ? features : Array.from({ length: run.facts!.shape[0] }, (_, k) => `x${k + 1}`);
  return (
    <div class="r-scroll" tabIndex={0} role="region" aria-label={title}>
      <table class="r-rows">
        <thead>
          <tr>
            <th>{t("page.results.label")}</th><th>{t("col.answer")}</th><th class="number">{t("col.probability")}</th>
            {names.map((name) => <th class="number" key={name}>{name}</th>)}
          </tr>
        </thead>
        <tbody>
          {items.map((item, k) => (
            <tr key={item.index}>
              <td>{classes[item.label]}</td>
              <td class={item.label === item.answer ? undefined : "wrong"}>{classes[item.answer]}</td>
              <td class="number">{sure(item.probability)}</td>
              {names.map((name, f) => <td class="number" key={name}>{samples?.[k] ? significant(samples[k][f], 4) : ""}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
