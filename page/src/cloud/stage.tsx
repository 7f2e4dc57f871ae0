// The canvas of the cloud: zoom and pan by mouse, touch and keys; hover or focus shows a sample large, a click pins it.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Cloud, RunDetails } from "../api";
import { era, fit, moving, repaint, type Size, usePainter } from "../learn/paint";
import { Atlas, Pixels } from "../learn/pixels";
import { Popover } from "../learn/popover";
import { t, whole as counted } from "../texts";
import { draw, type Lit } from "./draw";
import { tone } from "./tones";
import { moved, placed, type Point, scale, towards, type View, whole, zoomed } from "./view";

const TRAVEL = 400; // ms from one cloud to another
const FAR = 5; // pixels that make a drag of a press
const ARROWS = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"];

export function Stage({ run, cloud, lit, work }: { run: RunDetails; cloud: Cloud; lit: Lit; work: (sample: { index: number }) => void }) {
  const host = useRef<HTMLDivElement>(null), canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<View>(whole()), size = useRef<Size>({ width: 0, height: 0 }), at = useRef<Point[]>([]), side = useRef(16);
  const [pick, setPick] = useState<{ i: number; pinned: boolean; x: number; y: number } | null>(null);
  const [zoom, setZoom] = useState(1);
  const { pixels, pictures } = usePictures(run, cloud);
  const travel = useTravel(cloud);
  const classes = run.facts!.classes;

  usePainter(host, (now) => {
    fit(canvas.current!, now);
    size.current = { ...now };
    const { points, going } = travel(), per = scale(cloud.points, now, view.current.zoom);
    at.current = points.map((point) => placed(point, view.current, per, now));
    side.current = sideOf(now, points.length, pictures !== null) * Math.sqrt(view.current.zoom);
    const there = pictures?.put() ?? [];
    draw(canvas.current!, {
      cloud, at: at.current, side: side.current, classes, lit, picked: pick?.i ?? -1, atlas: pictures?.atlas ?? null, there,
      framed: pixels !== null && !pixels.inked,
    });
    if (going) repaint();
  });
  useEffect(repaint, [cloud, lit, pick?.i]);
  useEffect(() => { setPick(null); }, [cloud]);

  function show(i: number, pinned = false) {
    if (i < 0) setPick(null);
    else setPick({ i, pinned, x: at.current[i][0], y: at.current[i][1] });
  }
  function look(to: View) {
    view.current = to;
    setZoom(to.zoom);
    setPick((last) => { // what is shown large goes with its point
      if (!last) return last;
      const [x, y] = placed(cloud.points[last.i], to, scale(cloud.points, size.current, to.zoom), size.current);
      return { ...last, x, y };
    });
    repaint();
  }
  const pan = (dx: number, dy: number) => look(moved(view.current, dx, dy, scale(cloud.points, size.current, view.current.zoom)));
  const grow = (by: number, about: Point = [size.current.width / 2, size.current.height / 2]) =>
    look(zoomed(view.current, by, about, scale(cloud.points, size.current, view.current.zoom), size.current));
  function near([x, y]: Point): number {
    let best = -1, least = (Math.min(side.current, 64) / 2 + 5) ** 2;
    at.current.forEach(([u, v], i) => {
      const far = (u - x) ** 2 + (v - y) ** 2;
      if (far <= least) [best, least] = [i, far];
    });
    return best;
  }
  function key(event: KeyboardEvent) {
    const way = ARROWS.indexOf(event.key), step = 60;
    if (way >= 0 && event.shiftKey) pan([-step, 0, step, 0][way], [0, -step, 0, step][way]);
    else if (way >= 0) {
      const from: Point = pick ? at.current[pick.i] : [size.current.width / 2, size.current.height / 2];
      go(towards(from, at.current, way));
    } else if (event.key === "+" || event.key === "=") grow(1.5);
    else if (event.key === "-") grow(1 / 1.5);
    else if (event.key === "0") look(whole());
    else if ((event.key === "Enter" || event.key === " ") && pick) show(pick.i, !pick.pinned);
    else if (event.key === "Escape") setPick(null);
    else return;
    event.preventDefault();
  }
  /** To a sample by keys: the view follows. */
  function go(i: number) {
    if (i < 0) return;
    const [x, y] = at.current[i], { width, height } = size.current;
    if (x < 0 || y < 0 || x > width || y > height) look({ zoom: view.current.zoom, middle: cloud.points[i] });
    const [u, v] = placed(cloud.points[i], view.current, scale(cloud.points, size.current, view.current.zoom), size.current);
    setPick({ i, pinned: pick?.pinned ?? false, x: u, y: v });
  }
  const fingers = useFingers(host, { pan, grow, tap: (point) => {
    const i = near(point);
    show(i, !(pick?.pinned && pick.i === i) && i >= 0);
  } });

  const half = (side.current * 1.4) / 2;
  return (
    <div class="k-stage">
      <div
        class="k-host" ref={host} tabIndex={0} role="application" data-zoomed={zoom > 1}
        aria-label={`${t("page.cloud.label", { n: counted(cloud.index.length), layer: cloud.layer })} ${t("page.cloud.keys")}`}
        onKeyDown={key} {...fingers.handlers}
        onPointerMove={(event) => {
          fingers.handlers.onPointerMove(event);
          if (event.pointerType !== "touch" && !fingers.busy() && !pick?.pinned) show(near(fingers.place(event)));
        }}
        onPointerLeave={() => { if (!pick?.pinned) setPick(null); }}
        onFocus={() => { if (!pick && host.current!.matches(":focus-visible")) go(nearest(at.current, size.current)); }}
        onBlur={() => { if (!pick?.pinned) setPick(null); }}
      >
        <canvas class="l-canvas" ref={canvas} aria-hidden="true" />
        <Popover
          tile={pick && { index: cloud.index[pick.i], label: cloud.labels[pick.i], answer: cloud.answers[pick.i] }}
          pinned={pick?.pinned ?? false} work={work} room={size.current} pixels={pixels} classes={classes}
          box={pick && { x: pick.x - half, y: pick.y - half, width: 2 * half, height: 2 * half }}
        />
      </div>
      <div class="k-zoom">
        <button aria-label={t("page.cloud.closer")} onClick={() => grow(1.6)}>+</button>
        <button aria-label={t("page.cloud.farther")} disabled={zoom === 1} onClick={() => grow(1 / 1.6)}>−</button>
        <button disabled={zoom === 1} onClick={() => look(whole())}>{t("page.cloud.whole")}</button>
      </div>
    </div>
  );
}

/** How large a sample is where all are seen: the fewer, the larger. */
function sideOf({ width, height }: Size, n: number, pictures: boolean): number {
  return pictures ? Math.max(11, Math.min(width, height) / 36) * Math.min(2.2, Math.max(1, Math.sqrt(600 / n))) : n > 300 ? 8 : 12;
}

/** The sample in the middle of what is seen. */
function nearest(at: Point[], { width, height }: Size): number {
  const far = at.map(([x, y]) => (x - width / 2) ** 2 + (y - height / 2) ** 2);
  return far.indexOf(Math.min(...far));
}

/** The pictures of the cloud's samples in one atlas, in the ink of their classes. */
function usePictures(run: RunDetails, cloud: Cloud) {
  const { form, facts, id } = run, key = cloud.index.join(" ");
  return useMemo(() => {
    if (form?.kind !== "images") return { pixels: null, pictures: null };
    const pixels = new Pixels(`run/${id}`, "valid", form, facts!.counts.valid), atlas = new Atlas(pixels, cloud.index.length);
    let there: boolean[] = [], made = -1;
    const put = () => {
      if (made !== era) { // other inks
        there = [];
        made = era;
      }
      cloud.index.forEach((index, i) => { there[i] ||= atlas.put(i, index, tone(cloud.labels[i])); });
      return there;
    };
    return { pixels, pictures: { atlas, put } };
  }, [id, key]);
}

/** Where the points are: on their way from the cloud before, so that a sample can be followed by eye. */
function useTravel(cloud: Cloud) {
  const past = useRef<{ cloud: Cloud; from: Point[]; since: number }>({ cloud, from: cloud.points, since: -TRAVEL });
  if (past.current.cloud !== cloud) {
    const old = past.current.cloud, places = new Map(old.index.map((index, i) => [index, old.points[i]]));
    past.current = { cloud, from: cloud.index.map((index, i) => places.get(index) ?? cloud.points[i]), since: performance.now() };
  }
  return () => {
    const { from, since } = past.current, share = moving() ? Math.min(1, (performance.now() - since) / TRAVEL) : 1;
    const eased = share * share * (3 - 2 * share);
    const points = share === 1 ? cloud.points : cloud.points.map(([x, y], i): Point => [from[i][0] + (x - from[i][0]) * eased, from[i][1] + (y - from[i][1]) * eased]);
    return { points, going: share < 1 };
  };
}

interface Acts { pan: (dx: number, dy: number) => void; grow: (by: number, about: Point) => void; tap: (point: Point) => void }

/** One pointer pans, two zoom, a press that does not move taps; the wheel zooms with Ctrl, or where the cloud has the focus. */
function useFingers(host: { current: HTMLDivElement | null }, acts: Acts) {
  const down = useRef(new Map<number, Point>()), far = useRef(0), latest = useRef(acts);
  latest.current = acts;
  const place = (event: { clientX: number; clientY: number }): Point => {
    const box = host.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  useEffect(() => {
    const wheel = (event: WheelEvent) => {
      const held = event.ctrlKey || event.metaKey || document.activeElement === host.current;
      if (!held || (host.current!.dataset.zoomed === "false" && event.deltaY > 0)) return;
      event.preventDefault();
      latest.current.grow(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 150), place(event));
    };
    host.current!.addEventListener("wheel", wheel, { passive: false });
    return () => host.current?.removeEventListener("wheel", wheel);
  }, []);
  const span = (points: Point[]) => Math.hypot(points[0][0] - points[1][0], points[0][1] - points[1][1]);
  const up = (event: PointerEvent, taps: boolean) => {
    const was = down.current.delete(event.pointerId);
    if (was && taps && far.current < FAR && !down.current.size) latest.current.tap(place(event));
  };
  return {
    place,
    busy: () => down.current.size > 0,
    handlers: {
      onPointerDown: (event: PointerEvent) => {
        if (event.button !== 0) return;
        if (!down.current.size) far.current = 0;
        down.current.set(event.pointerId, place(event));
        host.current!.setPointerCapture(event.pointerId);
      },
      onPointerMove: (event: PointerEvent) => {
        const before = down.current.get(event.pointerId), now = place(event);
        if (!before) return;
        far.current += Math.hypot(now[0] - before[0], now[1] - before[1]);
        const then = [...down.current.values()];
        down.current.set(event.pointerId, now);
        if (far.current < FAR) return;
        if (then.length > 1) {
          const both = [...down.current.values()];
          latest.current.grow(span(both) / (span(then) || 1), [(both[0][0] + both[1][0]) / 2, (both[0][1] + both[1][1]) / 2]);
        }
        latest.current.pan((now[0] - before[0]) / then.length, (now[1] - before[1]) / then.length);
      },
      onPointerUp: (event: PointerEvent) => up(event, true),
      onPointerCancel: (event: PointerEvent) => up(event, false),
    },
  };
}
