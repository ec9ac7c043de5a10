import { type Clock, type Random, minutes, seconds } from '../../kit/runtime/clock.ts';
import { isAbort, messageOf } from '../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import { backoffDelay, defaultBackoff } from '../../kit/runtime/retry.ts';
import type { Service } from '../../kit/runtime/service.ts';
import type { HomeNetwork } from '../facts.ts';
import { ipCommand, type NetworkSource } from './ip-command.ts';
import { homeNetwork, homeNetworks } from './network-policy.ts';

export interface NetworkWatcherOptions {
  /**
   * Only these interfaces, by name, whatever their kind (`['lo']`: a whole home on one machine); empty or absent: all
   * that look like a home network's.
   */
  interfaces?: readonly string[];
  source?: NetworkSource;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

/** A lease changes in several steps (old address away, new one, routes): one look when they are done, not one each. */
const settleMs = 20;
/** Events only save time; what they miss is seen by then. */
const pollMs = seconds(30);
/** Moving a cable or a slow DHCP server is no trouble yet. */
const graceMs = seconds(15);
/** The monitor is deaf for a moment after its start. */
const deafMs = 500;

/**
 * Owns the fact *which addresses the box has on the home network*. Runs from before there is any address: then the fact
 * is empty, and nothing fails.
 */
export class NetworkWatcher implements Service {
  readonly name = 'network';
  readonly #options: NetworkWatcherOptions;
  readonly #source: NetworkSource;
  readonly #network = new OwnedFact<HomeNetwork>({ interfaces: [], addresses: [] });
  readonly #links = new OwnedFact<readonly string[]>([]);
  readonly #loop: Reconciler;
  #abort: AbortController | undefined;
  #listening: Promise<void> | undefined;
  #withoutSince: number | undefined;

  constructor(options: NetworkWatcherOptions) {
    this.#options = options;
    this.#source = options.source ?? ipCommand();
    this.#loop = new Reconciler({
      ...options,
      name: this.name,
      watch: [],
      reconcile: (signal) => this.#look(signal),
      backoff: { ...defaultBackoff, capMs: pollMs },
      onFailure: (error) =>
        options.health.set(
          'network',
          'error',
          messageOf(error),
          'see that the Debian package iproute2 is there',
        ),
    });
  }

  /** Networks on the box's own links: whoever has an address in one of them is at home. */
  get links(): Fact<readonly string[]> {
    return this.#links;
  }

  get network(): Fact<HomeNetwork> {
    return this.#network;
  }

  async start(): Promise<void> {
    this.#abort = new AbortController();
    this.#listening = this.#listen(this.#abort.signal);
    await this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#abort?.abort();
    await Promise.all([this.#listening, this.#loop.stop()]);
  }

  async #look(signal: AbortSignal): Promise<number> {
    await this.#options.clock.sleep(settleMs, signal);
    const observed = await this.#source.observe(signal);
    const previous = this.#network.value.interfaces.find((each) => each.preferred)?.name;
    const next = homeNetwork(observed, { interfaces: this.#options.interfaces ?? [], previous });
    this.#links.set(homeNetworks(observed, this.#options.interfaces ?? []));
    const before = this.#network.value.addresses.join(', ');
    const now = next.addresses.join(', ');
    if (before !== now)
      this.#options.log.info({ network: next }, `home addresses: ${now === '' ? 'none' : now}`);
    this.#network.set(next);
    return this.#judge(next);
  }

  /** Reports health, and answers when to look again. */
  #judge({ interfaces, addresses }: HomeNetwork): number {
    const { clock, health } = this.#options;
    if (addresses.length > 0) {
      this.#withoutSince = undefined;
      const where = interfaces.find((each) => each.preferred)?.name ?? '';
      health.set('network', 'ok', `${addresses.join(', ')} on ${where}`);
      return pollMs;
    }
    this.#withoutSince ??= clock.monotonic();
    const patience = this.#withoutSince + graceMs - clock.monotonic();
    if (patience > 0) return Math.min(pollMs, patience);
    const chosen = (this.#options.interfaces ?? []).join(', ');
    health.set(
      'network',
      'error',
      `no address on the home network${chosen === '' ? '' : ` (looking at ${chosen} alone)`}`,
      'check the cable or the wireless to the router, and that the router hands out addresses (DHCP)',
    );
    return pollMs;
  }

  /** Keeps a monitor running. While it is not, the poll finds what changes. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    for (let failures = 1; !signal.aborted; failures++) {
      const startedAt = clock.monotonic();
      const monitor = this.#source.monitor(() => this.#loop.nudge());
      const stop = (): void => void monitor.stop();
      signal.addEventListener('abort', stop, { once: true });
      void clock.sleep(deafMs, signal).then(
        () => this.#loop.nudge(),
        () => undefined,
      );
      const exit = await monitor.exited;
      signal.removeEventListener('abort', stop);
      if (signal.aborted) return;
      if (clock.monotonic() - startedAt > minutes(1)) failures = 1;
      const delayMs = backoffDelay(defaultBackoff, failures, random);
      const why = exit.error === undefined ? `code ${exit.code ?? exit.signal}` : messageOf(exit.error);
      log.warn(
        { retryInMs: Math.round(delayMs) },
        `the monitor of network events ended (${why}); polling meanwhile`,
      );
      await clock.sleep(delayMs, signal).catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      });
    }
  }
}
