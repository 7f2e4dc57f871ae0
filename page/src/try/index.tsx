// Draw, or drop a picture: what the network answers, and what it sees.
import { useEffect, useRef, useState } from "preact/hooks";
import type { RunDetails } from "../api";
import { Code } from "../parts/code";
import { sentence } from "../parts/failed";
import { areSigns, painted } from "../parts/ink";
import { samples } from "../parts/samples";
import { asFailure, useSlowly } from "../parts/use";
import { sizes, sure } from "../parts/words";
import { t, whole } from "../texts";
import { useAnswer } from "./asking";
import { Bars } from "./bars";
import { Board } from "./board";
import { Inside } from "./inside";
import { Seen } from "./seen";
import { asPicture, picture, type Stroke } from "./strokes";
import "./try.css";

const MOST = 32; // MB that the server takes

export function Try({ run }: { run: RunDetails }) {
  return run.form && run.form.kind !== "images" ? <ByCommand run={run} /> : <Drawing run={run} />;
}

const ByCommand = ({ run }: { run: RunDetails }) => (
  <div class="t-rows">
    <p>{t("page.try.rows", { features: run.facts!.features.join(", ") })}</p>
    <Code name={t("page.create.command")} text={`tiza predict ${run.name} ROWS.csv`} />
  </div>
);

function Drawing({ run }: { run: RunDetails }) {
  const [strokes, setStrokes] = useState<Stroke[]>([]);
  const [shown, setShown] = useState<ImageBitmap | null>(null);
  const [refused, setRefused] = useState("");
  const [label, setLabel] = useState<number | null>(null); // of a sample of validation
  const [over, setOver] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const { prediction, failure, picture: asked, ask, askNow, clear } = useAnswer(run.id);
  const classes = run.facts!.classes;

  const drawn = (next: Stroke[]) => {
    setRefused("");
    setLabel(null);
    setShown(null);
    setStrokes(next);
    if (next.length) ask(() => picture(next));
    else clear();
  };
  const undo = () => { if (shown) drawn(strokes); else drawn(strokes.slice(0, -1)); };
  const wipe = () => drawn([]);

  /** A picture takes the drawing's place once it is read; until then, and if it can't be, the drawing stays. */
  const take = async (blob: Blob, look: () => Promise<ImageBitmap> = () => createImageBitmap(blob)) => {
    setRefused("");
    setLabel(null);
    if (blob.size > MOST * 2 ** 20) {
      setRefused(t("page.try.too-large", { size: whole(blob.size / 2 ** 20), most: whole(MOST) }));
      return false;
    }
    try {
      // The type is only a label: the server looks at the bytes.
      await askNow(blob.type.startsWith("image/") ? blob : new Blob([blob], { type: "image/unknown" }));
      setShown(await look().catch(() => null));
      return true;
    } catch (error) {
      setRefused(sentence(asFailure(error)));
      return false;
    }
  };
  const takeSample = async () => {
    const { form, board } = run;
    if (!form || !board) return;
    const at = Math.floor(Math.random() * board.index.length);
    try {
      const [bytes] = await samples(`run/${run.id}`, "valid", form, form.channels * form.height * form.width, [board.index[at]]);
      const look = () => createImageBitmap(painted(bytes, form, areSigns([bytes], form)));
      if (await take(await asPicture(bytes, form), look)) setLabel(board.label[at]);
    } catch (error) {
      setRefused(sentence(asFailure(error)));
    }
  };
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey) { event.preventDefault(); undo(); }
    };
    const paste = (event: ClipboardEvent) => { const found = event.clipboardData?.files[0]; if (found) void take(found); };
    addEventListener("keydown", key);
    addEventListener("paste", paste);
    return () => { removeEventListener("keydown", key); removeEventListener("paste", paste); };
  });

  const said = refused || (failure ? sentence(failure) : prediction?.reason ?? (label === null ? "" : t("page.try.label", { label: classes[label] })));
  const answer = prediction?.class ?? null;
  const heard = useSlowly(answer === null ? said : t("page.try.said", { answer, probability: sure(prediction!.probability) }));
  const digits = classes.join("") === "0123456789";
  return (
    <div
      class={over ? "t-view t-over" : "t-view"}
      onDragOver={(event) => { event.preventDefault(); setOver(true); }}
      onDragLeave={(event) => { if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false); }}
      onDrop={(event) => { event.preventDefault(); setOver(false); const found = event.dataTransfer?.files[0]; if (found) void take(found); }}
    >
      <section class="t-sheet">
        <Board strokes={strokes} picture={shown} hint={t(digits ? "page.try.draw-digit" : "page.try.draw")} onStroke={drawn} />
        <div class="t-acts">
          <button onClick={wipe} disabled={!strokes.length && !shown}>{t("page.try.clear")}</button>
          <button onClick={undo} disabled={!strokes.length && !shown}>{t(shown ? "page.try.back" : "page.undo")}</button>
        </div>
        <div class="t-acts">
          <button class="plain" onClick={() => file.current!.click()}>{t("page.try.choose")}</button>
          <button class="plain" onClick={takeSample} disabled={!run.board}>{t("page.try.sample")}</button>
          <input ref={file} type="file" accept="image/png,image/jpeg" class="unseen" tabIndex={-1} aria-hidden="true"
            onChange={(event) => { const found = event.currentTarget.files?.[0]; event.currentTarget.value = ""; if (found) void take(found); }} />
        </div>
        <p class="t-said" aria-hidden="true">{said}</p>
      </section>
      <section class="t-answer">
        <p class="unseen" aria-live="polite">{heard}</p>
        <div class="t-top">
          <p class="t-word" aria-hidden="true">
            <strong class={answer === null ? "t-none" : answer.length > 2 ? "t-long" : undefined}>{answer ?? "?"}</strong>
            <span class="quiet">{answer === null ? t("page.try.waiting") : sure(prediction!.probability)}</span>
          </p>
          <figure class="t-seen">
            <Seen image={prediction?.image ?? null} form={run.form} />
            <figcaption class="quiet small">{t("page.try.seen", { size: seenSize(run) })}</figcaption>
          </figure>
        </div>
        <Bars classes={classes} prediction={prediction} />
      </section>
      <Inside id={run.id} picture={asked} />
    </div>
  );
}

const seenSize = (run: RunDetails): string => sizes(run.facts!.shape.slice(1));
