/** One measured figure, and where there is one the same figure of a peer measured in the same run. */
export interface BenchRow {
  name: string;
  value: number;
  unit: string;
  /** What it is compared with: another program, or the same without the part in question. */
  peer?: string;
  peerValue?: number;
  /** `value / peerValue`. */
  ratio?: number;
  note?: string;
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
