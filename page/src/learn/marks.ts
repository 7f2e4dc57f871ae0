// Lines with a point at each measurement, drawn over a plot.
import type uPlot from "uplot";

export interface Track { x: number[]; y: number[]; colour: string; fill: string; shape: "round" | "square"; dash?: number[] }

export function drawTracks(plot: uPlot, tracks: Track[]): void {
  const on = plot.ctx, { left, top, width, height } = plot.bbox, dots = window.devicePixelRatio || 1;
  on.save();
  on.beginPath();
  on.rect(left - 4 * dots, top - 4 * dots, width + 8 * dots, height + 8 * dots);
  on.clip();
  for (const { x, y, colour, fill, shape, dash } of tracks) {
    const points = x.map((step, i) => [plot.valToPos(step, "x", true), plot.valToPos(y[i], "y", true)])
      .filter(([, at]) => Number.isFinite(at));
    on.strokeStyle = colour;
    on.lineWidth = 2 * dots;
    on.lineJoin = "round";
    on.setLineDash((dash ?? []).map((part) => part * dots));
    on.beginPath();
    points.forEach(([px, py], i) => (i ? on.lineTo(px, py) : on.moveTo(px, py)));
    on.stroke();
    on.setLineDash([]);
    const r = (points.length * 9 * dots > width ? 0 : 3) * dots; // no points where they would touch
    if (!r) continue;
    on.lineWidth = 1.5 * dots;
    on.fillStyle = fill;
    for (const [px, py] of points) {
      on.beginPath();
      if (shape === "round") on.arc(px, py, r, 0, 2 * Math.PI);
      else on.rect(px - r, py - r, 2 * r, 2 * r);
      on.fill();
      on.stroke();
    }
  }
  on.restore();
}
