// Curves over rising steps that stay short however long training takes.

const MOST = 4000;

/** The index of the last entry that is not above `value`; -1 where all are. */
export function upTo(sorted: ArrayLike<number>, value: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Columns over one `step`. On reaching MOST entries, half remain: means of neighbours, or every second one. */
export class Curve {
  step: number[] = [];
  columns: (number | null)[][];
  constructor(width: number, private readonly means: boolean) {
    this.columns = Array.from({ length: width }, () => []);
  }

  push(step: number, row: (number | null)[]): void {
    if (this.step.length && step <= this.step[this.step.length - 1]) return; // uPlot wants rising steps
    this.step.push(step);
    this.columns.forEach((column, k) => column.push(row[k] ?? null));
    if (this.step.length >= MOST) this.halve();
  }

  fill(step: number[], columns: (number | null)[][]): void {
    for (let i = 0; i < step.length; i++) this.push(step[i], columns.map((column) => column[i]));
  }

  /** Leave out what came after `step`. */
  forget(step: number): void {
    const keep = upTo(this.step, step) + 1;
    this.step.length = keep;
    for (const column of this.columns) column.length = keep;
  }

  private halve(): void {
    const odd = (_: unknown, i: number) => i % 2 === 1;
    this.columns = this.columns.map((column) => column.filter(odd).map((value, i) => {
      const before = column[2 * i];
      return this.means && value !== null && before !== null ? (before + value) / 2 : value;
    }));
    this.step = this.step.filter(odd);
  }
}
