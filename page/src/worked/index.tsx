// The worked numbers of a sample, over the page: from its values through every layer to the loss and one update.
import { useEffect, useRef } from "preact/hooks";
import * as api from "../api";
import { Code } from "../parts/code";
import { Failed, Loading } from "../parts/failed";
import { lengthOf, useSamples } from "../parts/samples";
import { going } from "../parts/status";
import { Tile } from "../parts/tile";
import { useLoaded } from "../parts/use";
import { lang, t, whole } from "../texts";
import { isLine, useLit } from "./lit";
import "./worked.css";

/** A sample to be worked: its split, and its place in it. */
export interface Chosen { split: "train" | "valid"; index: number }
interface Props extends Chosen { run: api.RunDetails; close: () => void }

export function WorkedNumbers({ run, split, index, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null), body = useRef<HTMLDivElement>(null);
  const { value: sheet, failure } = useLoaded(() => api.steps(run.id, split, index), [run.id, split, index, lang.value]);
  const { lit, handlers } = useLit(body, sheet);
  useEffect(() => { dialog.current!.showModal(); }, []);
  return (
    <dialog
      class="w-dialog" ref={dialog} aria-labelledby="w-title" onClose={close}
      onClick={(event) => { if (event.target === dialog.current) dialog.current!.close(); }}
    >
      <div class="w-head">
        <h2 id="w-title">{sheet?.title ?? t("page.worked")}</h2>
        <button class="plain" autofocus onClick={() => dialog.current!.close()}>{t("page.worked.close")}</button>
      </div>
      {failure && <Failed failure={failure} />}
      {!sheet && !failure && <Loading />}
      {sheet && (
        <div class="w-body" ref={body} {...handlers}>
          <aside class="w-aside">
            <Sample run={run} split={split} index={index} places={lit.places.length ? lit.places : sheet.place ? [sheet.place] : []} />
            {sheet.facts.map((fact) => <p class="small" key={fact}>{fact}</p>)}
            {going(run.status) && <p class="small">{t("page.worked.going")}</p>}
            <p class="small quiet">{t("page.worked.keys")}</p>
            <Code name={t("page.worked.print")} text={`tiza explain steps ${run.name} ${index}${split === "train" ? " --split train" : ""} --save ${t("page.worked.folder")}`} />
          </aside>
          <div class="w-sections">
            {sheet.sections.map((section) => <Section key={section.title} {...section} />)}
          </div>
        </div>
      )}
      <p class="w-from number" aria-live="polite">{lit.from}</p>
    </dialog>
  );
}

/** The picture with a frame around what is looked at; of a row, nothing: its values stand in the lines. */
function Sample({ run, split, index, places }: Chosen & { run: api.RunDetails; places: number[][] }) {
  const pictures = run.form?.kind === "images";
  const { samples } = useSamples(`run/${run.id}`, split, pictures ? run.form : null, lengthOf(run), [index]);
  if (!pictures) return null;
  const [, height, width] = run.facts!.shape;
  return (
    <div class="w-sample" role="img" aria-label={t("page.learn.sample", { n: whole(index) })}>
      <Tile sample={samples?.[0] ?? null} form={run.form!} side={168} />
      {places.map(([, row, column]) => (
        <i key={`${row} ${column}`} style={{ left: `${(100 * column) / width}%`, top: `${(100 * row) / height}%`, width: `${100 / width}%`, height: `${100 / height}%` }} />
      ))}
    </div>
  );
}

type Block = api.Sheet["sections"][0]["blocks"][0];

function Section({ title, blocks }: api.Sheet["sections"][0]) {
  const [name, ...more] = title.split(" · ");
  const runs: Block[][] = []; // grids that follow each other stand beside each other
  for (const block of blocks) {
    const last = runs[runs.length - 1];
    if (isGrid(block) && last && isGrid(last[0])) last.push(block);
    else runs.push([block]);
  }
  return (
    <section>
      <h3>{name} <span class="quiet small">{more.join(" · ")}</span></h3>
      {runs.map((run, k) => (isGrid(run[0]) ? <div class="w-grids" key={k}>{run.map((block, n) => <Part block={block} key={n} />)}</div> : <Part block={run[0]} key={k} />))}
    </section>
  );
}

const isGrid = (block: Block) => typeof block === "object" && "grid" in block && block.grid;

function Part({ block }: { block: Block }) {
  if (typeof block === "string") return <p class="quiet small">{block}</p>;
  if (isLine(block)) {
    return (
      <p class="w-line">
        <span class="quiet w-name">({block.name})</span> <b>{block.left}</b> = {block.parts.map((part, k) => <Shown part={part} key={k} />)} = <Shown part={block.result} />
      </p>
    );
  }
  const region = block.grid ? {} : { tabIndex: 0, role: "region" as const, "aria-label": block.heads.join(", ") }; // it may be wider
  return (
    <div class="w-scroll" {...region}>
      <table class={block.grid ? "w-grid" : "w-rows"}>
        {block.caption && <caption class="quiet">{block.caption}</caption>}
        {block.heads.length > 0 && <thead><tr>{block.heads.map((head) => <th key={head}>{head}</th>)}</tr></thead>}
        <tbody>{block.rows.map((row, k) => <tr key={k}>{row.map((cell, n) => <td key={n}><Shown part={cell} /></td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

function Shown({ part }: { part: string | api.SheetNumber }) {
  if (typeof part === "string") return <>{part}</>;
  return <span class={part.fill ? "w-n w-made" : "w-n"} data-id={part.id} tabIndex={-1}>{part.text}</span>;
}
