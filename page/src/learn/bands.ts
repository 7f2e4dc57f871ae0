// Quantiles of the layers over time: those of a layer come when it is first looked at, then grow with the stream.
import * as api from "../api";
import { repaint } from "./paint";
import { Curve } from "./series";

const LEVELS = 7;

export class Bands {
  version = 0;
  private curves = new Map<number, Curve>();
  private coming = new Map<number, api.Event[]>(); // what the stream says while the past of a layer is on its way
  private rest = 0;

  constructor(private readonly id: string) {}

  of(layer: number): Curve | null {
    const curve = this.curves.get(layer);
    if (!curve && !this.coming.has(layer) && performance.now() >= this.rest) void this.load(layer);
    return curve ?? null;
  }

  hear(event: api.Event & { kind: "probed" }): void {
    for (const [layer, curve] of this.curves) append(curve, layer, event);
    for (const heard of this.coming.values()) heard.push(event);
    this.version++;
  }

  forget(step: number): void {
    for (const curve of this.curves.values()) curve.forget(step);
    for (const heard of this.coming.values()) heard.length = 0;
    this.version++;
  }

  private async load(layer: number): Promise<void> {
    this.coming.set(layer, []);
    try {
      const past = await api.bands(this.id, layer);
      const curve = new Curve(LEVELS, false);
      curve.fill(past.step, past.quantiles);
      for (const event of this.coming.get(layer)!) append(curve, layer, event);
      this.curves.set(layer, curve);
    } catch {
      this.rest = performance.now() + 3000;
      setTimeout(repaint, 3100);
    }
    this.coming.delete(layer);
    this.version++;
    repaint();
  }
}

function append(curve: Curve, layer: number, event: api.Event): void {
  if (event.kind === "probed" && event.layers[layer]) curve.push(event.step, event.layers[layer].quantiles[0]);
}
