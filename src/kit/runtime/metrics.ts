import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * The numbers of one process, in a registry of their own (prom-client's global one would join all parts of a test or of
 * `porchlight cloud`). Names follow Prometheus: `porchlight_<part>_<what>_<unit>`, counters end in `_total`.
 */
export class Metrics {
  readonly #registry = new Registry();

  counter<L extends string = never>(name: string, help: string, labels: readonly L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] });
  }

  /** `read` is called for each scrape; without it, set the gauge yourself. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    options: { labels?: readonly L[]; read?: () => number } = {},
  ): Gauge<L> {
    const { labels = [], read } = options;
    return new Gauge<L>({
      name,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      ...(read === undefined
        ? {}
        : {
            collect() {
              this.set(read());
            },
          }),
    });
  }

  /** `buckets`: upper bounds, in the unit of the name (seconds, bytes). */
  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labels: readonly L[] = [],
  ): Histogram<L> {
    return new Histogram({
      name,
      help,
      buckets: [...buckets],
      labelNames: [...labels],
      registers: [this.#registry],
    });
  }

  /** Everything in Prometheus' text format, version 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
