// The slider over the run's past: all panels go to its moment. What has not happened yet stays empty at its right.
import { useEffect, useRef, useState } from "preact/hooks";
import { t, whole } from "../texts";
import { repaint, usePainter } from "./paint";
import { epochs } from "./plot";
import { upTo } from "./series";
import { type Past, alive } from "./store";

const PLAY = 20; // seconds for the whole past
const FRAME = 66; // ms between two moments of a play-back

export function Scrubber({ past }: { past: Past }) {
  const track = useRef<HTMLDivElement>(null), done = useRef<HTMLSpanElement>(null), thumb = useRef<HTMLSpanElement>(null);
  const now = past.now.value, cursor = past.cursor.value, end = past.horizon(), living = alive(now.status);
  const { playing, play } = usePlay(past);

  usePainter(track, ({ width }) => { // follows every event and every move, without a render
    const horizon = past.horizon(), latest = Math.min(1, past.now.value.step / horizon);
    const at = past.cursor.value === null ? latest : past.cursor.value / horizon;
    done.current!.style.transform = `scaleX(${latest})`;
    thumb.current!.style.transform = `translateX(${at * width}px)`;
  });

  function drag(event: PointerEvent) {
    const box = track.current!.getBoundingClientRect();
    past.seek(((event.clientX - box.left) / box.width) * past.horizon());
  }
  function key(event: KeyboardEvent) {
    const at = cursor ?? now.step, per = now.perEpoch || Math.max(1, end / 10);
    const moves: Record<string, () => number | null> = {
      ArrowLeft: () => neighbour(past, at, -1), ArrowDown: () => neighbour(past, at, -1),
      ArrowRight: () => neighbour(past, at, 1), ArrowUp: () => neighbour(past, at, 1),
      PageDown: () => (Math.ceil(at / per) - 1) * per, PageUp: () => (Math.floor(at / per) + 1) * per,
      Home: () => 0, End: () => null,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    past.seek(moves[event.key]());
  }
  const ends = t(living ? "page.learn.live" : "page.learn.latest");
  return (
    <div class="l-scrub">
      <button class="l-play" disabled={!now.step} aria-pressed={playing} onClick={play} aria-label={t(playing ? "page.learn.play.stop" : "page.learn.play")}>
        <span aria-hidden="true">{playing ? "❚❚" : "▶"}</span>
      </button>
      <div
        class="l-track" ref={track} role="slider" tabIndex={0} aria-label={t("page.learn.scrub")} aria-valuemin={0} aria-valuemax={now.step}
        aria-valuenow={cursor ?? now.step} aria-valuetext={cursor === null ? ends : moment(past, cursor)} onKeyDown={key}
        onPointerDown={(event) => { if (event.button === 0) { track.current!.setPointerCapture(event.pointerId); drag(event); } }}
        onPointerMove={(event) => { if (track.current!.hasPointerCapture(event.pointerId)) drag(event); }}
      >
        <span class="l-rail"><span class="l-done" ref={done} /></span>
        <Ticks end={end} perEpoch={now.perEpoch} />
        <span class="l-thumb" ref={thumb} />
      </div>
      <button class="l-live" aria-pressed={cursor === null} disabled={!now.step} onClick={() => past.seek(null)}>
        {living && <span class="l-live-dot" aria-hidden="true" />}{ends}
      </button>
    </div>
  );
}

/** Says plainly that one looks at the past. */
export function Moment({ past }: { past: Past }) {
  const cursor = past.cursor.value;
  return <p class="l-moment">{cursor === null ? "" : t("page.learn.you-see", { moment: moment(past, cursor) })}</p>;
}

function Ticks({ end, perEpoch }: { end: number; perEpoch: number }) {
  return (
    <span class="l-ticks" aria-hidden="true">
      {epochs(end, perEpoch).map((step) => <span key={step} style={{ left: `${(step / end) * 100}%` }} />)}
    </span>
  );
}

const moment = (past: Past, step: number): string => {
  const { perEpoch, epochs: all } = past.now.value;
  return t("page.learn.moment", { step: whole(step), epoch: whole(perEpoch ? Math.min(all, Math.floor(step / perEpoch) + 1) : 1) });
};

/** The recorded moment before or after `step`. */
function neighbour({ batches, stepped }: Past, step: number, way: 1 | -1): number | null {
  const moments = batches.step.length ? batches.step : stepped.step;
  const i = way > 0 ? upTo(moments, step) + 1 : upTo(moments, step - 1);
  return i < 0 ? 0 : moments[i] ?? null;
}

/** Plays the past from where one looks, or from the start, up to now. */
function usePlay(past: Past) {
  const [playing, setPlaying] = useState(false), expected = useRef<number | null>(null);
  useEffect(() => {
    if (!playing) return;
    let at = past.cursor.value ?? 0;
    past.seek(at);
    expected.current = past.cursor.value;
    const timer = setInterval(() => {
      if (past.cursor.value !== expected.current || document.hidden) { setPlaying(false); return; } // someone took over
      at += (past.now.value.step * FRAME) / 1000 / PLAY;
      past.seek(at);
      expected.current = past.cursor.value;
      if (expected.current === null) setPlaying(false);
      repaint();
    }, FRAME);
    return () => clearInterval(timer);
  }, [playing, past]);
  return { playing, play: () => setPlaying(!playing) };
}
