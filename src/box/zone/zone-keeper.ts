import { type Clock, minutes, type Random } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import { defaultBackoff } from '../../kit/runtime/retry.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { type ZoneNames, zoneNames } from '../../protocol/names.ts';
import { copyRemedy } from '../../protocol/run-api.ts';
import type { ZoneState } from '../../protocol/zone-api.ts';
import type { HomeNetwork, Identity, PublishedZone, TunnelState } from '../facts.ts';
import { OutsideView } from './outside-view.ts';
import { TurnStore } from './turn-store.ts';
import type { ZoneClient } from './zone-client.ts';
import { firstTurn, type MirrorTurn, planZone, sameRecords } from './zone-policy.ts';

export interface ZoneKeeperOptions {
  identity: Identity;
  zoneRoot: string;
  /** Mirror labels. */
  mirrors: readonly string[];
  network: Fact<HomeNetwork>;
  tunnel: Fact<TunnelState>;
  client: Pick<ZoneClient, 'get' | 'put' | 'reconnect'>;
  /** Another box with this identity was there first, and what is served is its; `undefined`: wait; absent: none was. */
  copy?: Fact<boolean | undefined>;
  stateFolder: string;
  /** The home's resolvers, instead of those in /etc/resolv.conf. Empty: never ask one. */
  resolvers?: readonly string[] | undefined;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

/** How often the zone is read back although nothing changed here: somebody else may have changed it there. */
const driftMs = minutes(10);
/** A new address is often there a moment before the route to the dns-server is: look again soon at first. */
const backoff = { ...defaultBackoff, initialMs: 100 };

/**
 * Owns the fact *what the authoritative servers serve for this box*, and keeps it equal to what should be: the decision
 * is zone-policy.ts. What is served is read back from the zone API with every call, and over DNS by OutsideView.
 */
export class ZoneKeeper implements Service {
  readonly name = 'zone';
  readonly #options: ZoneKeeperOptions;
  readonly #names: ZoneNames;
  readonly #turns: TurnStore;
  readonly #zone = new OwnedFact<PublishedZone | undefined>(undefined);
  readonly #served = new OwnedFact<ZoneState | undefined>(undefined);
  readonly #loop: Reconciler;
  readonly #outside: OutsideView;
  /** Monotonic time until which `#served` is taken to be what is served. */
  #trustedUntil = 0;
  /** Monotonic time since which the home addresses are what they are. */
  #addressesSince = 0;
  #turn: MirrorTurn = firstTurn;
  #rebindingFilter: boolean | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: ZoneKeeperOptions) {
    this.#options = options;
    this.#names = zoneNames(options.identity.boxId, options.zoneRoot, options.mirrors);
    this.#turns = new TurnStore(options);
    this.#loop = new Reconciler({
      ...options,
      name: this.name,
      watch: [options.network, options.tunnel, ...(options.copy === undefined ? [] : [options.copy])],
      reconcile: (signal) => this.#keep(signal),
      backoff,
      onFailure: (error, failures) => this.#failed(error, failures),
    });
    this.#outside = new OutsideView({
      ...options,
      names: this.#names,
      served: this.#served,
      onDeviation: () => {
        this.#trustedUntil = 0;
        this.#loop.nudge();
      },
      onRebindingFilter: (filtered) => {
        this.#rebindingFilter = filtered;
        this.#publish();
      },
    });
  }

  get zone(): Fact<PublishedZone | undefined> {
    return this.#zone;
  }

  async start(): Promise<void> {
    this.#turn = await this.#turns.load();
    const { network, client, clock } = this.#options;
    let before = network.value.addresses;
    this.#addressesSince = clock.monotonic();
    this.#unsubscribe = network.subscribe(({ addresses }) => {
      if (addresses.join() !== before.join()) this.#addressesSince = clock.monotonic();
      if (before.some((address) => !addresses.includes(address))) void client.reconnect();
      before = addresses;
    });
    await this.#loop.start();
    await this.#outside.start();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await Promise.all([this.#loop.stop(), this.#outside.stop()]);
  }

  async #keep(signal: AbortSignal): Promise<number | undefined> {
    const { copy } = this.#options;
    if (copy !== undefined && copy.value !== false) return this.#rest(copy.value === true);
    const { client, clock, log, mirrors, network, tunnel } = this.#options;
    const input = {
      mirrors,
      addresses: network.value.addresses,
      unchangedForMs: clock.monotonic() - this.#addressesSince,
      tunnel: tunnel.value.addresses,
    };
    let served = this.#servedFor(input.tunnel) ?? this.#trust(await client.get(signal));
    const plan = planZone({ ...input, served, turn: this.#turn });
    if (plan.write) {
      served = this.#trust(await client.put(plan.records, signal));
      if (!sameRecords(plan.records, served.records))
        throw new Problem('zone-not-kept', 'the dns-server took the records but serves others');
      log.info(
        { records: plan.records, serial: served.serial },
        `${this.#names.main} is ${plan.records.main.join(', ')}`,
      );
    }
    this.#turn = plan.turn;
    this.#served.set(served);
    this.#publish();
    this.#report(plan.leftOut, served);
    await this.#saveTurn();
    return Math.max(0, Math.min(this.#trustedUntil - clock.monotonic(), plan.againInMs ?? Infinity));
  }

  /** The name may be another box's: nothing is written, and nobody here takes what is served for our own. */
  #rest(copy: boolean): undefined {
    if (!copy) return;
    this.#trustedUntil = 0;
    this.#served.set(undefined);
    this.#zone.set(undefined);
    this.#options.health.set('zone', 'ok', 'the name is served for the other box with this identity');
  }

  /**
   * What the last call answered, which saves one when the address changes; unless it is too old, or does not know a
   * relay that the tunnel uses, which then is news.
   */
  #servedFor(tunnel: readonly string[]): ZoneState | undefined {
    const served = this.#served.value;
    if (this.#options.clock.monotonic() >= this.#trustedUntil) return undefined;
    return tunnel.every((address) => served?.tunnelAddresses.includes(address)) ? served : undefined;
  }

  #trust(state: ZoneState): ZoneState {
    const { clock, random } = this.#options;
    this.#trustedUntil = clock.monotonic() + driftMs * (0.75 + random() / 2);
    return state;
  }

  #publish(): void {
    if (this.#served.value === undefined) return;
    const { records, serial, nameServers } = this.#served.value;
    this.#zone.set({
      names: this.#names,
      records,
      serial,
      nameServers,
      mirrorOrder: this.#turn.order,
      rebindingFilter: this.#rebindingFilter,
    });
  }

  /** A full disk must not keep a new address from being published: the turn holds in memory until it can be saved. */
  async #saveTurn(): Promise<void> {
    const { health } = this.#options;
    try {
      await this.#turns.save(this.#turn);
      health.clear('zone.state');
    } catch (error) {
      const remedy =
        'make room or repair the card; after a restart the box may prefer the wrong mirror for a minute';
      health.set('zone.state', 'warning', messageOf(error), remedy);
    }
  }

  #report(leftOut: readonly string[], { records, serial }: ZoneState): void {
    const { health } = this.#options;
    const main = records.main.length === 0 ? 'no address' : records.main.join(', ');
    if (leftOut.length === 0)
      return health.set('zone', 'ok', `${this.#names.main}: ${main} (serial ${serial})`);
    health.set(
      'zone',
      'warning',
      `${this.#names.main}: ${main}; not published: ${leftOut.join(', ')}`,
      'put the box behind a router that gives it a private address; for relays, ask who runs the dns-server',
    );
  }

  #failed(error: unknown, failures: number): void {
    this.#trustedUntil = 0;
    // One or two failures are daily life (the line drops, the dns-server restarts), but not if repeating cannot help.
    const final = error instanceof Problem && !error.retryable;
    const remedy =
      remedies[codeOf(error)] ??
      'nothing now, it is tried again; if it stays so, see the log of the dns-server';
    this.#options.health.set('zone', final || failures >= 3 ? 'error' : 'warning', messageOf(error), remedy);
  }
}

const remedies: Record<string, string> = {
  unreachable: 'check the internet connection and the address of the dns-server in the configuration',
  'zone-not-yours': 'the dns-server does not take this identity: check the zone root in the configuration',
  'address-not-allowed': 'check the interfaces in the configuration: only private addresses can be published',
  'copied-identity': copyRemedy,
  'rate-limited': 'nothing: it is tried again when the dns-server allows it',
};
