// One clock for all drawing: painters run together in the next frame, and never in a hidden tab or out of sight.
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { lang } from "../texts";

export interface Size { width: number; height: number }
const painters = new Set<() => void>();
let asked = false;
let held: Inks | null = null;

/** Rises when all has to be drawn anew: theme, language, fonts. */
export let era = 0;

/** Draw in the next frame what has changed. */
export function repaint(): void {
  if (asked || document.hidden) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    for (const paint of painters) paint();
  });
}

function anew(): void {
  era++;
  held = null;
  repaint();
}
addEventListener("theme", anew);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew);
document.addEventListener("visibilitychange", repaint);
document.fonts?.ready.then(anew);
lang.subscribe(anew);

/** Calls `paint` with the size of `host` in every frame that was asked for while `host` is in sight. */
export function usePainter(host: RefObject<HTMLElement>, paint: (size: Size) => void): void {
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    const element = host.current!;
    const size = { width: 0, height: 0 };
    let seen = false;
    const run = () => { if (seen && size.width > 0 && size.height > 0) latest.current(size); };
    const sight = new IntersectionObserver((entries) => {
      seen = entries[entries.length - 1].isIntersecting;
      repaint();
    }, { rootMargin: "80px" });
    const shape = new ResizeObserver(([entry]) => {
      size.width = entry.contentRect.width;
      size.height = entry.contentRect.height;
      repaint();
    });
    painters.add(run);
    sight.observe(element);
    shape.observe(element);
    return () => { painters.delete(run); sight.disconnect(); shape.disconnect(); };
  }, []);
}

interface Inks {
  paper: string; ink: string; quiet: string; hair: string; wash: string; train: string; valid: string; validLine: string;
  wrong: string; wrongLine: string; right: string; sans: string;
}

/** The colours of the style sheet, for canvases. */
export function inks(): Inks {
  if (held) return held;
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  held = {
    paper: of("paper"), ink: of("ink"), quiet: of("quiet"), hair: of("hair"), wash: of("wash"), train: of("train"),
    valid: of("valid"), validLine: of("valid-line"), wrong: of("wrong"), wrongLine: of("wrong-line"), right: of("right"),
    sans: of("sans"),
  };
  return held;
}

/** #rrggbb as three numbers. */
export const rgb = (hex: string): [number, number, number] =>
  [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];

/** The colour thinned to `share`. */
export const thin = (hex: string, share: number): string => hex + Math.round(share * 255).toString(16).padStart(2, "0");

export const ratio = (): number => window.devicePixelRatio || 1;

/** The canvas at the device's own resolution; true where that emptied it. */
export function fit(canvas: HTMLCanvasElement, size: Size): boolean {
  const width = Math.round(size.width * ratio()), height = Math.round(size.height * ratio());
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}

/** Text of an element, touched only where it changes. */
export function write(element: Element | null, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}

const still = matchMedia("(prefers-reduced-motion: reduce)");
export const moving = (): boolean => !still.matches;
