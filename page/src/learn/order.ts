// Which sample lies at which place of the validation board: the wrong ones first, and each stays where it is unless it
// changes sides. Then it trades places with one that goes the other way, or with the tile at the boundary.

export class Order {
  readonly at: Int32Array; // place → sample
  readonly place: Int32Array; // sample → place
  wrong = 0;
  private readonly side: Uint8Array; // of each sample: 1 wrong
  private begun = false;

  constructor(readonly n: number) {
    this.at = Int32Array.from({ length: n }, (_, i) => i);
    this.place = this.at.slice();
    this.side = new Uint8Array(n);
  }

  /** Take in which samples are wrong now; those that moved (none the first time). */
  set(wrong: (sample: number) => boolean): number[] {
    const better: number[] = [], worse: number[] = [];
    for (let i = 0; i < this.n; i++) {
      const now = wrong(i) ? 1 : 0;
      if (now !== this.side[i]) (now ? worse : better).push(i);
      this.side[i] = now;
    }
    if (!this.begun) return this.begin();
    const moved = new Set<number>();
    const swap = (one: number, other: number) => {
      const a = this.place[one], b = this.place[other];
      if (a === b) return;
      this.at[a] = other; this.at[b] = one;
      this.place[one] = b; this.place[other] = a;
      moved.add(one).add(other);
    };
    while (better.length && worse.length) swap(better.pop()!, worse.pop()!);
    for (const sample of better) swap(sample, this.at[--this.wrong]);
    for (const sample of worse) swap(sample, this.at[this.wrong++]);
    return [...moved];
  }

  private begin(): number[] {
    this.begun = true;
    let place = 0;
    for (const side of [1, 0]) {
      for (let i = 0; i < this.n; i++) {
        if (this.side[i] !== side) continue;
        this.at[place] = i;
        this.place[i] = place++;
      }
      if (side) this.wrong = place;
    }
    return [];
  }
}
