import { connect } from 'node:net';
import { type Clock, type Random, seconds } from '../../kit/runtime/clock.ts';
import type { Problem } from '../../kit/runtime/errors.ts';
import { OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import type { PublishedService } from './published-services.ts';

/** Health condition of a service that is not there. */
export const serviceCondition = (label: string): string => `services.${label}`;

const lookMs = seconds(60);
/** What is away may be back at any time, and its page says that it is away until then. */
const lookAgainMs = seconds(10);
const connectMs = seconds(5);

export interface ServiceWatchOptions {
  services: readonly PublishedService[];
  health: Health;
  clock: Clock;
  random: Random;
  log: Log;
}

/**
 * Knows of each published service whether it is there: from what its visitors met, and by opening a connection to it now and
 * then, so that what nobody visits is known too. Each that is not has a condition of its own.
 */
export class ServiceWatch implements Service {
  readonly name = 'services';
  readonly #options: ServiceWatchOptions;
  readonly #rounds: Reconciler;
  /** Not found by the last look. One look may have come while the service was starting, as the box was; two have not. */
  readonly #missed = new Set<string>();
  /** How often a visitor was the first to miss one: from then on it is looked for more often. */
  readonly #missedByVisitors = new OwnedFact(0);

  constructor(options: ServiceWatchOptions) {
    this.#options = options;
    const { clock, random, log } = options;
    this.#rounds = new Reconciler({
      name: this.name,
      watch: [this.#missedByVisitors],
      reconcile: (signal) => this.#look(signal),
      clock,
      random,
      log,
    });
  }

  start(): Promise<void> {
    return this.#options.services.length === 0 ? Promise.resolve() : this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** What a request met: an answer, or what was wrong. Who answers wrongly or slowly is there. */
  met(label: string, fault: Problem | undefined): void {
    if (fault?.code === 'service-not-answering') {
      const known = this.#missed.has(label);
      this.#away(label);
      if (!known) this.#missedByVisitors.set(this.#missedByVisitors.value + 1);
    }
    if (fault === undefined || fault.code === 'service-answer-wrong') this.#there(label);
  }

  async #look(signal: AbortSignal): Promise<number> {
    const { services } = this.#options;
    const found = await Promise.all(
      services.map(async ({ label, target }) => [label, await isListening(target, signal)] as const),
    );
    for (const [label, listening] of found) {
      if (listening) this.#there(label);
      else if (this.#missed.has(label)) this.#away(label);
      else this.#missed.add(label);
    }
    return this.#missed.size > 0 ? lookAgainMs : lookMs;
  }

  #there(label: string): void {
    if (!this.#missed.delete(label)) return;
    this.#options.health.clear(serviceCondition(label));
  }

  #away(label: string): void {
    const { services, health } = this.#options;
    this.#missed.add(label);
    const service = services.find((each) => each.label === label);
    if (service === undefined) return;
    health.set(
      serviceCondition(label),
      'warning',
      `the service “${label}” does not answer: nothing listens at ${service.target}`,
      'start it, or look into its log; when it is gone for good, take it out of web.services',
    );
  }
}

/** Whether a connection can be opened to a service. */
function isListening(target: string, signal: AbortSignal): Promise<boolean> {
  const { hostname, port } = new URL(target);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? 80 : Number(port),
      timeout: connectMs,
    });
    const done = (listening: boolean): void => {
      signal.removeEventListener('abort', give);
      socket.destroy();
      resolve(listening);
    };
    // Whoever stops wants no answer, and no condition.
    const give = (): void => done(true);
    signal.addEventListener('abort', give);
    socket.once('connect', () => done(true));
    socket.once('timeout', () => done(false));
    socket.once('error', () => done(false));
  });
}
