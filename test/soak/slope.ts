export interface Slope {
  /** What the value grows over the whole time, with the bounds between which it is with 95 %. */
  growth: number;
  least: number;
  most: number;
  mean: number;
}

/** Student's t for 95 %, both sides, by degrees of freedom from 1. */
const quantiles = [
  12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1,
];
const blocks = 12;

/**
 * The growth of something over time, by least squares over the means of blocks: neighbouring values are alike (a heap rises
 * until it is collected), and taken one by one they would make the bounds too narrow.
 */
export function slopeOf(values: readonly number[]): Slope {
  const size = Math.max(1, Math.floor(values.length / blocks));
  const means: number[] = [];
  for (let from = 0; from + size <= values.length; from += size)
    means.push(mean(values.slice(from, from + size)));
  const count = means.length;
  if (count < 3) throw new Error('too few values for a slope');
  const [middle, level] = [(count - 1) / 2, mean(means)];
  const spread = means.reduce((sum, _, index) => sum + (index - middle) ** 2, 0);
  const slope = means.reduce((sum, value, index) => sum + (index - middle) * (value - level), 0) / spread;
  const rest = means.reduce((sum, value, index) => sum + (value - level - slope * (index - middle)) ** 2, 0);
  const error = Math.sqrt(rest / (count - 2) / spread);
  const t = quantiles[count - 3] ?? 2.1;
  const whole = (one: number): number => one * (count - 1);
  return {
    growth: whole(slope),
    least: whole(slope - t * error),
    most: whole(slope + t * error),
    mean: level,
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
