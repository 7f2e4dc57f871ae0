// Colours for many classes that colour-blind readers tell apart (after P. Tol's muted scheme), lighter on the dark board;
// after ten they come again. They mean nothing else in tiza.
import { inks, rgb } from "../learn/paint";

const LIGHT = ["#332288", "#2f86b8", "#2f8f80", "#117733", "#77771c", "#a3841f", "#c2556a", "#882255", "#aa4499", "#6f7674"];
const DARK = ["#9a90ee", "#88ccee", "#5fcfbd", "#63c07e", "#c3c34f", "#e5cf7c", "#ec919d", "#e072a4", "#d48ccb", "#b3bcb7"];

export function tone(k: number): string {
  const tones = rgb(inks().paper)[0] < 128 ? DARK : LIGHT;
  return tones[k % tones.length];
}
