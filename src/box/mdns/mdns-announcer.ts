import { type Clock, type Random, minutes } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf } from '../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { protocolVersion } from '../../protocol/version.ts';
import type { HomeNetwork, Identity, MdnsState } from '../facts.ts';
import { AvahiAdapter, avahiPlaces, lookForAvahi } from './avahi.ts';
import { BonjourAdapter } from './bonjour.ts';
import { chooseAdapter, linksOf, type MdnsAdapter, type WantedService } from './wanted.ts';
import { storageFaults } from '../../kit/disk/problem.ts';

export interface MdnsAnnouncerOptions {
  identity: Identity;
  /** What the owner calls the box. */
  name: Fact<string>;
  network: Fact<HomeNetwork>;
  /** Port of the box's HTTPS listener on the home network; a function when it is known only after the start. */
  port: number | (() => number);
  /** Path of the console there. */
  path: string;
  /** `auto` (default): avahi-daemon where it runs and takes our file, else bonjour-service. */
  adapter?: 'auto' | 'avahi' | 'bonjour' | 'off';
  avahiServiceFolder?: string;
  avahiSocket?: string;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

const silent: MdnsState = { adapter: undefined, instance: undefined, host: undefined };

/** avahi-daemon may be started or stopped, and its folder swept clean, at any time. */
const lookAgainMs = minutes(1);

/** Announces `_porchlight._tcp` on the home network (docs/ARCHITECTURE.md), so that the box is found without any cloud. */
export class MdnsAnnouncer implements Service {
  readonly name = 'mdns';
  readonly state: Fact<MdnsState>;
  readonly #state = new OwnedFact<MdnsState>(silent);
  readonly #options: MdnsAnnouncerOptions;
  readonly #places: { serviceFolder: string; socket: string };
  readonly #adapters: Readonly<Record<'avahi' | 'bonjour', MdnsAdapter>>;
  readonly #loop: Reconciler;
  #inUse: MdnsAdapter | undefined;

  constructor(options: MdnsAnnouncerOptions) {
    this.#options = options;
    this.state = this.#state;
    const { name, network, log, clock, random } = options;
    this.#places = {
      serviceFolder: options.avahiServiceFolder ?? avahiPlaces.serviceFolder,
      socket: options.avahiSocket ?? avahiPlaces.socket,
    };
    this.#adapters = {
      avahi: new AvahiAdapter(this.#places),
      bonjour: new BonjourAdapter({ log, clock, random, onTrouble: () => this.#loop.nudge() }),
    };
    this.#loop = new Reconciler({
      name: this.name,
      watch: [name, network],
      reconcile: (signal) => this.#reconcile(signal),
      goodbye: () => this.#use(undefined),
      onFailure: (error) => this.#failed(error),
      log,
      clock,
      random,
    });
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#options.health.clear(this.name);
  }

  async #reconcile(signal: AbortSignal): Promise<number> {
    const { adapter = 'auto', health, log } = this.#options;
    const machine = await lookForAvahi(this.#places);
    const chosen = chooseAdapter(adapter, machine);
    await this.#use(chosen === 'off' ? undefined : this.#adapters[chosen]);
    if (this.#inUse === undefined) {
      health.set(this.name, 'ok', 'off by configuration');
      return lookAgainMs;
    }
    const { instance, host, againMs, conflict } = await this.#inUse.publish(this.#wanted(), signal);
    const before = this.#state.value;
    this.#state.set({ adapter: this.#inUse.kind, instance, host });
    if (this.#state.value !== before) {
      log.info({ ...this.#state.value }, `mdns: ${instance ?? 'nothing to announce on yet'}`);
    }
    if (chosen === 'avahi' && !machine.avahiRuns) {
      health.set(this.name, 'warning', 'avahi-daemon does not answer', remedies['avahi-silent']);
    } else if (conflict !== undefined) {
      const now = instance === undefined ? 'it has none until then' : `it is now ${instance} at ${host}`;
      health.set(
        this.name,
        'warning',
        `another device on the home network (${conflict.from}) uses the box's ${conflictNames[conflict.what]}; ${now}`,
        remedies['name-taken'],
      );
    } else if (instance === undefined) {
      health.set(this.name, 'ok', 'waiting for an IPv4 address on the home network');
    } else {
      health.set(this.name, 'ok', `announced as ${instance} at ${host ?? 'no name'}`);
    }
    return againMs ?? lookAgainMs;
  }

  /** From now on this adapter and no other; the one before says goodbye. */
  async #use(adapter: MdnsAdapter | undefined): Promise<void> {
    if (this.#inUse === adapter) return;
    const before = this.#inUse;
    this.#inUse = adapter;
    this.#state.set(silent);
    await before?.withdraw();
  }

  #wanted(): WantedService {
    const { identity, name, network, port, path } = this.#options;
    return {
      boxId: identity.boxId,
      name: name.value,
      port: typeof port === 'number' ? port : port(),
      text: { id: identity.boxId, path, v: protocolVersion, fp: identity.fingerprint },
      links: linksOf(network.value),
    };
  }

  #failed(error: unknown): void {
    this.#options.health.set(
      this.name,
      'error',
      `the box is not announced on the home network: ${messageOf(error)}`,
      remedies[codeOf(error)] ?? 'nothing to do: the box tries again by itself',
    );
  }
}

const conflictNames = { instance: 'name', host: '.local name' } as const;

const remedies: Record<string, string> = {
  'avahi-silent': 'start avahi-daemon, or set mdns.adapter to auto',
  ...Object.fromEntries(
    storageFaults.map((fault) => [
      fault,
      'give the box the right to write avahi’s folder of services, or set mdns.adapter to bonjour',
    ]),
  ),
  'name-taken': 'find the device with that address and rename it or switch it off, then restart the box',
  'mdns-unavailable': 'end the other program that holds UDP port 5353 for itself, or set mdns.adapter to off',
};
