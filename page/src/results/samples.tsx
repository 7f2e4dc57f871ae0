// Samples with the right label below left and the answer below right; rows of a table as rows. One that is no test sample
// opens its worked numbers.
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { RunDetails } from "../api";
import { areSigns } from "../parts/ink";
import type { Sample } from "../parts/samples";
import { Tile } from "../parts/tile";
import { sure } from "../parts/words";
import { significant, t } from "../texts";
import { type Chosen, WorkedNumbers } from "../worked";

export interface Item { index: number; label: number; answer: number; probability: number }

interface Props { run: RunDetails; samples: Sample[] | null; items: Item[]; name: string }
interface Shown extends Props { open: ((index: number) => void) | null }

export function Samples({ split, ...of }: Props & { split: "valid" | "test" }) {
  const [chosen, choose] = useState<Chosen | null>(null);
  const open = split === "test" ? null : (index: number) => choose({ split, index });
  return (
    <>
      {of.run.form?.kind === "images" ? <Tiles {...of} open={open} /> : <Rows {...of} open={open} />}
      {chosen && <WorkedNumbers run={of.run} {...chosen} close={() => choose(null)} />}
    </>
  );
}

function Tiles({ run, samples, items, open }: Shown) {
  const { form, facts } = run;
  const signs = samples !== null && areSigns(samples, form!);
  const long = facts!.classes.some((name) => name.length > 3); // names need room, and the picture takes it too
  return (
    <ul class={long ? "r-tiles r-named" : "r-tiles"}>
      {items.map((item, k) => {
        const [label, answer] = [facts!.classes[item.label], facts!.classes[item.answer]];
        return (
          <li key={item.index} class={item.label === item.answer ? "r-tile" : "r-tile r-is-wrong"}>
            <Open open={open} item={item} name={t("page.results.tile", { label, answer })}>
              <Tile sample={samples?.[k] ?? null} form={form!} signs={signs} side={long ? 84 : 56} />
            </Open>
            <span class="r-said" aria-hidden="true">
              <b class="right" title={label}>{label}</b>{item.label !== item.answer && <b class="wrong" title={answer}>{answer}</b>}
            </span>
            <span class="quiet r-sure">{sure(item.probability)}</span>
            {!open && <span class="unseen">{t("page.results.tile", { label, answer })}</span>}
          </li>
        );
      })}
    </ul>
  );
}

/** What opens the worked numbers of a sample, where they can be shown. */
function Open({ open, item, name, children }: { open: Shown["open"]; item: Item; name: string; children: ComponentChildren }) {
  if (!open) return <>{children}</>;
  return <button class="r-open" aria-label={`${name}. ${t("page.worked")}`} title={t("page.worked")} onClick={() => open(item.index)}>{children}</button>;
}

function Rows({ run, samples, items, name: title, open }: Shown) {
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
              <td>
                <Open open={open} item={item} name={t("page.results.tile", { label: classes[item.label], answer: classes[item.answer] })}>
                  {classes[item.label]}
                </Open>
              </td>
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
