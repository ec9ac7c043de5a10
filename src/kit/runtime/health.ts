import type { Clock } from './clock.ts';
import { type Fact, OwnedFact } from './fact.ts';

/** Health is state, not log lines. `warning`: works, needs a look. `error`: this part does not do its work. */
export type Severity = 'ok' | 'warning' | 'error';

export interface Condition {
  /** Stable name, `<part>` or `<part>.<what>`: `certificate`, `zone.rebinding-filter`. */
  name: string;
  severity: Severity;
  /** Stable, for programs, where the name alone does not say which of several things is the case. */
  code?: string;
  /** What is the case, in a sentence a person understands. */
  message: string;
  /** What to do about it; absent when there is nothing to do. */
  remedy?: string;
  /** Since when this severity holds, ms since the epoch. */
  since: number;
}

export class Health {
  readonly #clock: Clock;
  readonly #conditions = new OwnedFact<readonly Condition[]>([]);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** All conditions, ordered by name. */
  get conditions(): Fact<readonly Condition[]> {
    return this.#conditions;
  }

  get worst(): Severity {
    const all = new Set(this.#conditions.value.map((condition) => condition.severity));
    return all.has('error') ? 'error' : all.has('warning') ? 'warning' : 'ok';
  }

  /** `since` moves only when the severity changes. */
  set(name: string, severity: Severity, message: string, remedy?: string, code?: string): void {
    const before = this.#conditions.value.find((condition) => condition.name === name);
    const since = before?.severity === severity ? before.since : this.#clock.now();
    const optional = { ...(remedy === undefined ? {} : { remedy }), ...(code === undefined ? {} : { code }) };
    const next = { name, severity, message, since, ...optional };
    const others = this.#conditions.value.filter((condition) => condition.name !== name);
    this.#conditions.set([...others, next].toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  }

  clear(name: string): void {
    this.#conditions.set(this.#conditions.value.filter((condition) => condition.name !== name));
  }
}
