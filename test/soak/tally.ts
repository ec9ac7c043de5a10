/** What became of one kind of fault. */
export class Tally {
  readonly kind: string;
  count = 0;
  /** In words, each one. */
  readonly lost: string[] = [];
  readonly silent: string[] = [];
  seconds = 0;
  note = '';

  constructor(kind: string) {
    this.kind = kind;
  }
}

export class Tallies {
  readonly #all = new Map<string, Tally>();

  of(kind: string): Tally {
    const tally = this.#all.get(kind) ?? new Tally(kind);
    this.#all.set(kind, tally);
    return tally;
  }

  get all(): readonly Tally[] {
    return [...this.#all.values()];
  }

  get isWell(): boolean {
    return this.all.every(({ lost, silent }) => lost.length + silent.length === 0);
  }

  /** As it stands in docs/BENCHMARKS.md. */
  table(): string {
    const rows = this.all.map((tally) => [
      tally.kind,
      String(tally.count),
      String(tally.lost.length),
      String(tally.silent.length),
      tally.seconds.toFixed(0),
      tally.note,
    ]);
    const sum = (pick: (tally: Tally) => number): number =>
      this.all.reduce((total, tally) => total + pick(tally), 0);
    rows.push([
      'all',
      String(sum(({ count }) => count)),
      String(sum(({ lost }) => lost.length)),
      String(sum(({ silent }) => silent.length)),
      sum(({ seconds }) => seconds).toFixed(0),
      '',
    ]);
    const head = ['kind', 'count', 'lost', 'silent', 'seconds', 'note'];
    const lines = [head, head.map(() => '---'), ...rows];
    return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
  }

  /** What was lost, at most `most` of each kind. */
  details(most = 20): string {
    return this.all
      .flatMap(({ kind, lost, silent }) => [
        ...lost.slice(0, most).map((what) => `lost, ${kind}: ${what}`),
        ...silent.slice(0, most).map((what) => `silent, ${kind}: ${what}`),
      ])
      .join('\n');
  }
}
