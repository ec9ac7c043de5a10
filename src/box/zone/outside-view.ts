import { type Clock, minutes, type Random, seconds } from '../../kit/runtime/clock.ts';
import type { Fact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import { backoffDelay } from '../../kit/runtime/retry.ts';
import type { Service } from '../../kit/runtime/service.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import type { ZoneState } from '../../protocol/zone-api.ts';
import { askHomeResolver, type ResolverReport } from './home-resolver.ts';
import { askNameServers } from './name-servers.ts';

export interface OutsideViewOptions {
  names: ZoneNames;
  zoneRoot: string;
  /** What the zone API says is served. Nothing is asked before: a resolver would remember the absence of a name. */
  served: Fact<ZoneState | undefined>;
  resolvers?: readonly string[] | undefined;
  /** A name server answers with something else than the zone API says. */
  onDeviation: () => void;
  onRebindingFilter: (filtered: boolean) => void;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

const pace = { initialMs: seconds(15), factor: 2, capMs: minutes(10), jitter: 0.5 };

/**
 * The zone as others see it: every authoritative name server over DNS, then the home's own resolver. A loop of its own,
 * because servers that do not answer take seconds, and must not hold up a new address.
 */
export class OutsideView implements Service {
  readonly name = 'zone-view';
  readonly #options: OutsideViewOptions;
  readonly #loop: Reconciler;
  /** Rounds in a row after which something is left to be seen right. */
  #unsettled = 0;

  constructor(options: OutsideViewOptions) {
    this.#options = options;
    const { served, log, clock, random } = options;
    this.#loop = new Reconciler({
      name: this.name,
      watch: [served],
      reconcile: (signal) => this.#look(signal),
      clock,
      random,
      log,
    });
  }

  async start(): Promise<void> {
    await this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  async #look(signal: AbortSignal): Promise<number | undefined> {
    const state = this.#options.served.value;
    if (state === undefined) return undefined;
    const agreed = await this.#nameServersAgree(state, signal);
    // A name server that lags gets another moment. A network that answers for all name servers never agrees, and is asked.
    const ask = agreed || this.#unsettled > 0;
    const settled = ask && (await this.#homeAgrees(state, signal)) && agreed;
    this.#unsettled = settled ? 0 : this.#unsettled + 1;
    const { random } = this.#options;
    return settled ? pace.capMs * (0.75 + random() / 2) : backoffDelay(pace, this.#unsettled, random);
  }

  async #nameServersAgree(
    { nameServers, records, serial }: ZoneState,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { names, served, health, onDeviation } = this.#options;
    const views = await askNameServers({ nameServers, names, records, signal });
    const agreed =
      views.some(({ verdict }) => verdict === 'right') && views.every(({ verdict }) => verdict !== 'wrong');
    // The zone may have changed while we asked: what looks wrong is newer then, and the next round is due at once.
    if (!agreed && served.value?.serial !== serial) return false;
    if (views.some(({ verdict }) => verdict === 'wrong')) onDeviation();
    health.set(
      'zone.name-servers',
      agreed ? 'ok' : 'warning',
      views.map(({ message }) => message).join('; ') || 'the dns-server says of no name server where it is',
      agreed ? undefined : portRemedy,
    );
    return agreed;
  }

  /** True when the home's resolver needs no second look soon. */
  async #homeAgrees({ records }: ZoneState, signal: AbortSignal): Promise<boolean> {
    const { names, zoneRoot, resolvers, health, onRebindingFilter } = this.#options;
    const question = { main: names.main, zoneRoot, expected: records.main, resolvers, signal };
    const report = await askHomeResolver(question);
    switch (report.verdict) {
      case 'same':
        onRebindingFilter(false);
        health.set('zone.rebinding-filter', 'ok', 'the home network resolves the box by its name');
        return true;
      case 'filtered':
        onRebindingFilter(true);
        health.set('zone.rebinding-filter', 'warning', filteredBy(report), allowRemedy(zoneRoot));
        return true;
      case 'not-asked':
      case 'unknown-zone':
        health.clear('zone.rebinding-filter');
        return true;
      case 'stale':
      case 'no-answer':
        break;
    }
    return false;
  }
}

const portRemedy =
  'if it stays so: the network may block DNS (port 53) or answer it itself; otherwise tell who runs the dns-server';

function filteredBy({ resolvers }: ResolverReport): string {
  const who = resolvers.filter(({ verdict }) => verdict === 'filtered').map(({ server }) => server);
  return `the home's resolver (${who.join(', ')}) drops the box's private address: protection against DNS rebinding`;
}

function allowRemedy(zoneRoot: string): string {
  return `allow ${zoneRoot} in the router's rebinding protection; until then apps use the tunnel or the .local name`;
}
