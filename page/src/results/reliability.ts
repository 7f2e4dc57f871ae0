// Confidence against accuracy, counted; the same numbers as tiza.explain.calibration.
import type { Answers } from "../api";

export const BINS = 15; // of equal width, as in Guo et al. 2017

export interface Share { n: number; right: number; accuracy: number; low: number; high: number }
export interface Bin extends Share { from: number; to: number; confidence: number }

/** Wilson's 95 % interval of a share. */
export function share(right: number, n: number): Share {
  if (!n) return { n, right, accuracy: NaN, low: 0, high: 1 };
  const z = 1.959963984540054, p = right / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { n, right, accuracy: p, low: Math.max(0, Math.min(p, centre - half)), high: Math.min(1, Math.max(p, centre + half)) };
}

/** The answers by their confidence; each bin has its upper edge and not its lower one. */
export function binned({ label, answer, probability }: Answers): Bin[] {
  const sums = Array.from({ length: BINS }, () => ({ n: 0, right: 0, confidence: 0 }));
  probability.forEach((sure, k) => {
    const bin = sums[Math.min(BINS, Math.max(1, Math.ceil(sure * BINS))) - 1];
    bin.n++;
    bin.right += label[k] === answer[k] ? 1 : 0;
    bin.confidence += sure;
  });
  return sums.map((bin, k) => ({ ...share(bin.right, bin.n), from: k / BINS, to: (k + 1) / BINS, confidence: bin.confidence / bin.n }));
}

/** The expected calibration error: the mean distance of accuracy and confidence. */
export function error(bins: Bin[]): number {
  const all = bins.reduce((sum, bin) => sum + bin.n, 0);
  return bins.reduce((sum, bin) => sum + (bin.n ? (bin.n / all) * Math.abs(bin.accuracy - bin.confidence) : 0), 0);
}

/** The answers, the surest first, and how many of the first k + 1 are right. */
export interface Sorted { confidence: number[]; right: number[] }

export function sorted({ label, answer, probability }: Answers): Sorted {
  const order = probability.map((_, k) => k).sort((a, b) => probability[b] - probability[a]);
  let right = 0;
  return {
    confidence: order.map((k) => probability[k]),
    right: order.map((k) => (right += label[k] === answer[k] ? 1 : 0)),
  };
}

/** Of those with at least the confidence `from` how many are right. */
export function above({ confidence, right }: Sorted, from: number): Share {
  let [low, high] = [0, confidence.length]; // how many are that sure
  while (low < high) {
    const middle = (low + high) >> 1;
    if (confidence[middle] >= from) low = middle + 1;
    else high = middle;
  }
  return share(low ? right[low - 1] : 0, low);
}

/** The lowest of the `steps` from which on the share `wanted` is right; null where none is. */
export function enough(of: Sorted, wanted: number, steps: number[]): number | null {
  return steps.find((from) => above(of, from).accuracy >= wanted) ?? null;
}
