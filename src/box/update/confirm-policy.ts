import { minutes, seconds } from '../../kit/runtime/clock.ts';
import type { Severity } from '../../kit/runtime/health.ts';

/** A condition of the box, as /healthz tells it and as it is kept from before the update. */
export interface Seen {
  name: string;
  severity: Severity;
  message: string;
}

/** What the conditions were before the update, by name; `undefined` when nobody noted them. */
export type Before = Readonly<Record<string, Severity>> | undefined;

/** Parts that can fail because of the world outside: without a note from before, an error of theirs proves nothing. */
const outside = /^(network|zone|certificate|tunnel|announce|mdns|clock|update|storage)(\.|$)/;

/** So long without a fault is healthy: what crashes, crashes before. */
export const steadyMs = seconds(60);

export type Verdict = { is: 'undecided' } | { is: 'good' } | { is: 'bad'; reason: string };

/**
 * What speaks against the new release: an error that was not there before. An outage that was there already (no internet,
 * a CA that is down) is not its doing, and a warning never is.
 */
export function faults(conditions: readonly Seen[], before: Before): string[] {
  return conditions
    .filter(({ severity }) => severity === 'error')
    .filter(({ name }) => (before === undefined ? !outside.test(name) : before[name] !== 'error'))
    .map(({ name, message }) => `${name}: ${message}`);
}

/**
 * The trial of a new release, one look after the other. Times are monotonic, in ms: the wall clock of a box that has just
 * started means nothing.
 */
export class Trial {
  readonly #before: Before;
  readonly #endsAt: number;
  #wellSince: number | undefined;
  #last: string[] = [];

  constructor(options: { before: Before; startedAt: number; limitMs: number }) {
    this.#before = options.before;
    this.#endsAt = options.startedAt + options.limitMs;
  }

  /** `conditions` is `undefined` when the box did not answer. */
  look(conditions: readonly Seen[] | undefined, at: number): Verdict {
    this.#last = conditions === undefined ? ['the box does not answer'] : faults(conditions, this.#before);
    if (this.#last.length > 0) this.#wellSince = undefined;
    else this.#wellSince ??= at;
    if (this.#wellSince !== undefined && at - this.#wellSince >= steadyMs) return { is: 'good' };
    // What has just become well is given the time to stay so.
    const late = this.#wellSince === undefined ? at >= this.#endsAt : at >= this.#endsAt + minutes(2);
    return late
      ? { is: 'bad', reason: this.#last.join('; ') || 'it does not stay well' }
      : { is: 'undecided' };
  }
}
