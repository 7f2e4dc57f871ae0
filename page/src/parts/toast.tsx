// A sentence at the foot of the page that goes by itself, with one thing to do about it. It outlives a change of view.
import { signal } from "@preact/signals";
import { render } from "preact";
import { t } from "../texts";
import "./parts.css";

interface Said { text: string; action?: { name: string; act: () => void } }

const said = signal<Said | null>(null);
let left = 0;
let ticking: ReturnType<typeof setInterval> | undefined;

/** Shown for ten seconds; the pointer or the focus on it stops the clock. */
export function say(text: string, action?: Said["action"]): void {
  if (!document.getElementById("toast")) {
    const place = document.body.appendChild(document.createElement("div"));
    place.id = "toast";
    render(<Toast />, place);
  }
  said.value = { text, action };
  left = 10;
  clearInterval(ticking);
  ticking = setInterval(() => {
    if (document.querySelector("#toast .toast:is(:hover, :focus-within)")) return;
    if (--left <= 0) hush();
  }, 1000);
}

function hush(): void {
  clearInterval(ticking);
  said.value = null;
}

function Toast() {
  const now = said.value;
  return (
    <div role="status" aria-live="polite">
      {now && (
        <div class="notice toast p-toast">
          <span>{now.text}</span>
          {now.action && <button onClick={() => { hush(); now.action!.act(); }}>{now.action.name}</button>}
          <button class="plain" onClick={hush}>{t("page.close")}</button>
        </div>
      )}
    </div>
  );
}
