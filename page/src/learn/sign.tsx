// The sign of a class in a legend: its shape in its colour.
import { useRef } from "preact/hooks";
import { fit, usePainter } from "./paint";
import { shape } from "./shapes";

/** `tone` is asked at each painting: the board may have become dark since. */
export function Sign({ k, tone, of }: { k: number; tone: (k: number) => string; of: string }) {
  const host = useRef<HTMLSpanElement>(null), canvas = useRef<HTMLCanvasElement>(null);
  usePainter(host, (size) => {
    fit(canvas.current!, size);
    const on = canvas.current!.getContext("2d")!, w = canvas.current!.width;
    on.clearRect(0, 0, w, w);
    on.fillStyle = tone(k);
    shape(on, k, w / 2, w / 2, w * 0.36);
    on.fill();
  });
  return <span class={of} ref={host}><canvas ref={canvas} aria-hidden="true" /></span>;
}
