// The cloud on its canvas: each sample as its picture in the ink of its class, or as a dot; wrong ones boxed and named, or
// ringed.
import type { Cloud } from "../api";
import { inks, ratio, thin } from "../learn/paint";
import type { Atlas } from "../learn/pixels";
import { shape } from "../learn/shapes";
import { short } from "../learn/tiles";
import { tone } from "./tones";
import type { Point } from "./view";

/** What is brought out: a class, what is wrong, or nothing. */
export type Lit = number | "wrong" | null;
const BOXED = 14; // css pixels from which on a box leaves something to see
const NAMED = 22; // and a wrong tile has room for its names

export interface Scene {
  cloud: Cloud; at: Point[]; side: number; classes: string[]; lit: Lit; picked: number;
  atlas: Atlas | null; there: boolean[]; framed: boolean;
}

export const isLit = (cloud: Cloud, i: number, lit: Lit): boolean =>
  lit === null || (lit === "wrong" ? cloud.labels[i] !== cloud.answers[i] : cloud.labels[i] === lit);

export function draw(canvas: HTMLCanvasElement, scene: Scene): void {
  const on = canvas.getContext("2d")!, { cloud, at, lit } = scene, dots = ratio();
  on.setTransform(1, 0, 0, 1, 0, 0);
  on.clearRect(0, 0, canvas.width, canvas.height);
  const seen = (i: number) => at[i][0] > -60 && at[i][1] > -60 && at[i][0] < canvas.width / dots + 60 && at[i][1] < canvas.height / dots + 60;
  const height = (i: number) => (isLit(cloud, i, lit) ? 2 : 0) + (cloud.labels[i] !== cloud.answers[i] ? 1 : 0);
  const order = at.map((_, i) => i).filter((i) => i !== scene.picked && seen(i)).sort((a, b) => height(a) - height(b));
  if (scene.picked >= 0) order.push(scene.picked);
  for (const i of order) sample(on, scene, i, dots);
  on.globalAlpha = 1;
  names(on, scene, dots, canvas.width / dots, canvas.height / dots);
}

function sample(on: CanvasRenderingContext2D, { cloud, at, side, atlas, there, framed, lit, classes, picked }: Scene, i: number, dots: number): void {
  const [x, y] = at[i], ink = inks(), label = cloud.labels[i], wrong = label !== cloud.answers[i], large = i === picked;
  const w = Math.round((large ? side * 1.4 : side) * dots), left = Math.round(x * dots - w / 2), top = Math.round(y * dots - w / 2);
  on.globalAlpha = isLit(cloud, i, lit) || large ? 1 : 0.13;
  if (large && atlas) {
    on.fillStyle = ink.paper;
    on.fillRect(left, top, w, w);
  }
  if (atlas && there[i]) {
    atlas.draw(on, i, left, top, w, w);
    if (framed) box(on, left, top, w, tone(label), Math.max(1, dots));
  } else {
    on.fillStyle = tone(label);
    shape(on, label, x * dots, y * dots, atlas ? w / 5 : w / 2.6);
    on.fill();
    on.strokeStyle = large ? ink.ink : ink.paper;
    on.lineWidth = (large ? 2 : 0.75) * dots;
    on.stroke();
  }
  if (large && atlas) box(on, left - dots, top - dots, w + 2 * dots, ink.ink, 1.5 * dots);
  if (!wrong) return;
  const gap = 2 * dots;
  if (!atlas) {
    ring(on, x * dots, y * dots, w / 2 + gap, ink.wrongLine, 1.75 * dots);
    return;
  }
  if (side >= BOXED || large) box(on, left - gap, top - gap, w + 2 * gap, ink.wrongLine, 1.6 * dots);
  if (side >= NAMED && isLit(cloud, i, lit)) {
    on.font = `600 ${11 * dots}px ${ink.sans}`;
    on.textBaseline = "top";
    written(on, short(classes, label), left - gap, top + w + 2 * gap, "left", ink.right, dots);
    written(on, short(classes, cloud.answers[i]), left + w + gap, top + w + 2 * gap, "right", ink.wrong, dots);
  } else cross(on, left + w + gap, top - gap, 3 * dots, dots);
}

/** A corner says it too, where names have no room. */
function cross(on: CanvasRenderingContext2D, x: number, y: number, r: number, dots: number): void {
  const ink = inks();
  on.fillStyle = ink.paper;
  on.beginPath();
  on.arc(x, y, 1.6 * r, 0, 2 * Math.PI);
  on.fill();
  on.strokeStyle = ink.wrong;
  on.lineWidth = 1.6 * dots;
  on.beginPath();
  on.moveTo(x - r, y - r); on.lineTo(x + r, y + r); on.moveTo(x + r, y - r); on.lineTo(x - r, y + r);
  on.stroke();
}

function box(on: CanvasRenderingContext2D, x: number, y: number, w: number, colour: string, line: number): void {
  on.strokeStyle = colour;
  on.lineWidth = line;
  on.strokeRect(x, y, w, w);
}

function ring(on: CanvasRenderingContext2D, x: number, y: number, r: number, colour: string, line: number): void {
  on.strokeStyle = colour;
  on.lineWidth = line;
  on.beginPath();
  on.arc(x, y, r, 0, 2 * Math.PI);
  on.stroke();
}

function written(on: CanvasRenderingContext2D, text: string, x: number, y: number, align: CanvasTextAlign, colour: string, dots: number): void {
  on.textAlign = align;
  on.lineJoin = "round";
  on.strokeStyle = thin(inks().paper, 0.9);
  on.lineWidth = 4 * dots;
  on.strokeText(text, x, y);
  on.fillStyle = colour;
  on.fillText(text, x, y);
}

/** Each class's name at the middle of its samples; of two that would touch the first. */
function names(on: CanvasRenderingContext2D, { cloud, at, classes, lit }: Scene, dots: number, width: number, height: number): void {
  const taken: [number, number, number][] = [];
  on.font = `700 ${15 * dots}px ${inks().sans}`;
  on.textBaseline = "middle";
  classes.forEach((name, k) => {
    const mine = at.filter((_, i) => cloud.labels[i] === k);
    if (!mine.length || (typeof lit === "number" && lit !== k)) return;
    const half = on.measureText(name).width / dots / 2;
    const [u, y] = [0, 1].map((axis) => middle(mine.map((point) => point[axis])));
    if (u < 0 || u > width || y < 0 || y > height) return;
    const x = Math.min(width - half - 4, Math.max(half + 4, u));
    if (taken.some(([a, b, other]) => Math.abs(y - b) < 18 && Math.abs(x - a) < half + other + 4)) return;
    taken.push([x, y, half]);
    written(on, name, x * dots, y * dots, "center", inks().ink, dots);
  });
}

const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1];
