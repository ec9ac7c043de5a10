import { Metrics } from '../kit/runtime/metrics.ts';

/** A part of the cloud, with a snapshot of what it counts. */
export interface Measured {
  readonly name: string;
  readonly metrics: object;
}

interface Sample {
  name: string;
  labels: Record<string, string | number>;
  value: number;
}

/**
 * The snapshots of all parts in Prometheus' text format. A number becomes a gauge of its name; a record of numbers one
 * with the label `kind`; a list of `{ …, count }` one whose other fields are labels.
 */
export function cloudMetrics(parts: readonly Measured[]): Promise<string> {
  const metrics = new Metrics();
  const gauges = new Map<string, ReturnType<typeof metrics.gauge<string>>>();
  for (const part of parts) {
    for (const { name, labels, value } of Object.entries(part.metrics).flatMap(([key, count]) =>
      samples(key, count),
    )) {
      const full = `porchlight_${snake(part.name)}_${name}`;
      const gauge =
        gauges.get(full) ??
        metrics.gauge<string>(full, `${name.replaceAll('_', ' ')} of the ${part.name}`, {
          labels: Object.keys(labels),
        });
      gauges.set(full, gauge);
      gauge.set(labels, value);
    }
  }
  return metrics.text();
}

function samples(key: string, value: unknown): Sample[] {
  const name = snake(key);
  if (typeof value === 'number') return [{ name, labels: {}, value }];
  if (Array.isArray(value)) {
    return (value as ({ count: number } & Record<string, string | number>)[]).map(({ count, ...labels }) => ({
      name,
      labels,
      value: count,
    }));
  }
  return Object.entries(value as Record<string, number>).map(([kind, count]) => ({
    name,
    labels: { kind },
    value: count,
  }));
}

const snake = (name: string): string =>
  name.replaceAll('-', '_').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
