import { type Clock, type Random, seconds } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { copyRemedy } from '../../protocol/run-api.ts';
import { registrationLimits } from '../../protocol/registration-api.ts';
import type {
  AnnounceState,
  Identity,
  MdnsState,
  PublishedZone,
  Run,
  TunnelState,
  ZoneCertificate,
} from '../facts.ts';
import { announcementFor } from './announcement.ts';
import { RegistrationClient, type RegistrationServerAddress } from './registration-client.ts';

export interface AnnouncerOptions {
  identity: Identity;
  zone: Fact<PublishedZone | undefined>;
  certificate: Fact<ZoneCertificate | undefined>;
  tunnel: Fact<TunnelState>;
  mdns: Fact<MdnsState>;
  claimed: Fact<boolean>;
  name: Fact<string>;
  /** The owner's window for shared addresses; closed when absent. */
  discoverable?: Fact<boolean>;
  /** The owner wants the box not to be found; absent: to be found. */
  hidden?: Fact<boolean>;
  /** Another box with this identity was there first; absent: none was. */
  copy?: Fact<boolean | undefined>;
  /** Told to the server with each call. */
  run?: Run;
  /** Port of the box's HTTPS listener on the home network; a function when it is known only after the start. */
  httpsPort: number | (() => number);
  registration: RegistrationServerAddress;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
}

const nothing: AnnounceState = { announcedAt: undefined, publicAddress: undefined, shortCode: undefined };

const arrivalTimeoutMs = seconds(10);
/** Under way at a time. */
const mostArrivals = 8;
/** Whatever a server asks for, not more often than this. */
const shortestPaceMs = seconds(1);

/**
 * Tells the registration-server under which URLs the box can be reached: at once when something changes, else at the pace
 * the server asks for, with a goodbye at the end.
 */
export class Announcer implements Service {
  readonly name = 'announce';
  readonly state: Fact<AnnounceState>;
  readonly #state = new OwnedFact<AnnounceState>(nothing);
  readonly #options: AnnouncerOptions;
  readonly #loop: Reconciler;
  readonly #client: RegistrationClient;
  /** What the server took last, and when (monotonic) it wants to hear it again. */
  #told: { message: string; againAt: number } | undefined;
  /** The server knows us, or may: an answer can be lost on the way. */
  #known = false;
  #arrivals = 0;
  /** The server said: not before (monotonic). Holds also when something changes meanwhile. */
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.state = this.#state;
    const { identity, registration, run, log, clock, random } = options;
    this.#client = new RegistrationClient({ server: registration, identity, run, clock });
    const { zone, certificate, tunnel, mdns, claimed, name, discoverable, hidden, copy } = options;
    this.#loop = new Reconciler({
      name: this.name,
      watch: [
        zone,
        certificate,
        tunnel,
        mdns,
        claimed,
        name,
        ...(discoverable === undefined ? [] : [discoverable]),
        ...(hidden === undefined ? [] : [hidden]),
        ...(copy === undefined ? [] : [copy]),
      ],
      reconcile: (signal) => this.#reconcile(signal),
      goodbye: (signal) => this.#withdraw(signal),
      onFailure: (error) => this.#failed(error),
      log,
      clock,
      random,
    });
  }

  /** A browser reached the page with this one-time `state`; the app that sent it learns so from the server. */
  async arrived(state: string): Promise<void> {
    // Anybody who reaches the page can make it ask; an app that is not told offers another way, no more.
    if (this.#arrivals >= mostArrivals) return;
    this.#arrivals++;
    try {
      await this.#client.arrived(state, AbortSignal.timeout(arrivalTimeoutMs));
    } catch (error) {
      this.#options.log.info(
        { code: codeOf(error) },
        `an arrival could not be reported: ${messageOf(error)}`,
      );
    } finally {
      this.#arrivals--;
    }
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#client.close();
    this.#state.set(nothing);
    this.#options.health.clear(this.name);
  }

  async #reconcile(signal: AbortSignal): Promise<number | undefined> {
    const { zone, certificate, tunnel, mdns, claimed, name, discoverable, hidden, copy, httpsPort } =
      this.#options;
    // What the server knows is the other one's by now.
    if (copy?.value === true) this.#forget();
    const announcement = announcementFor({
      zone: zone.value,
      certificate: certificate.value,
      tunnel: tunnel.value,
      mdns: mdns.value,
      claimed: claimed.value,
      discoverable: discoverable?.value ?? false,
      hidden: hidden?.value ?? false,
      copy: copy?.value ?? false,
      name: name.value,
      httpsPort: typeof httpsPort === 'number' ? httpsPort : httpsPort(),
    });
    if ('nothingYet' in announcement) {
      await this.#withdraw(signal);
      this.#options.health.set(this.name, 'ok', `nothing to announce: ${announcement.nothingYet}`);
      return undefined;
    }
    return this.#announce(JSON.stringify(announcement), signal);
  }

  /** Announces unless the server knows this already and is not due. Answers ms until the next look. */
  async #announce(message: string, signal: AbortSignal): Promise<number> {
    const { clock, random, log, health } = this.#options;
    const now = clock.monotonic();
    const changed = this.#told?.message !== message;
    const earliest = Math.max(
      this.#notBefore,
      changed ? Number.NEGATIVE_INFINITY : (this.#told?.againAt ?? now),
    );
    if (now < earliest) return earliest - now;
    this.#known = true;
    const answer = await this.#client.announce(message, signal);
    // A little early rather than late, so that boxes told the same do not come back together.
    const paceMs = Math.max(shortestPaceMs, seconds(answer.again_in) * (1 - 0.1 * random()));
    this.#told = { message, againAt: clock.monotonic() + paceMs };
    this.#state.set({
      announcedAt: clock.now(),
      publicAddress: answer.public_ip,
      shortCode: answer.short_code,
    });
    health.set(this.name, 'ok', `announced; browsers behind ${answer.public_ip} find this box`);
    log[changed ? 'info' : 'debug'](
      { publicAddress: answer.public_ip, againInMs: Math.round(paceMs) },
      changed ? `announced ${message}` : 'announced again',
    );
    return paceMs;
  }

  /** Best effort: without it the server forgets by itself, two minutes later. */
  async #withdraw(signal: AbortSignal): Promise<void> {
    if (!this.#known) return;
    this.#forget();
    try {
      await this.#client.leave(signal);
    } catch (error) {
      this.#options.log.info(
        { code: codeOf(error) },
        `no goodbye to the registration-server: ${messageOf(error)}`,
      );
    }
  }

  #forget(): void {
    this.#known = false;
    this.#told = undefined;
    this.#state.set({ ...this.#state.value, announcedAt: undefined });
  }

  #failed(error: unknown): void {
    const { clock, health } = this.#options;
    const after = error instanceof Problem ? error.retryAfterSeconds : undefined;
    if (after !== undefined) this.#notBefore = clock.monotonic() + seconds(after);
    const { announcedAt } = this.#state.value;
    const stillListed =
      announcedAt !== undefined && clock.now() - announcedAt < seconds(registrationLimits.lifetimeSeconds);
    health.set(
      this.name,
      stillListed ? 'warning' : 'error',
      `the registration-server did not take the announcement: ${messageOf(error)}`,
      remedies[codeOf(error)] ?? 'nothing to do: the box tries again by itself',
    );
  }
}

const remedies: Record<string, string> = {
  unreachable:
    'check the internet connection, the setting cloud.registration and, where the cloud has a private CA, its certificate',
  'origin-outside-zone': 'box and cloud disagree about the zone root; give both the same',
  'copied-identity': copyRemedy,
  'client-mismatch': 'something between box and cloud ends the TLS connection; take it out of the way',
  'client-certificate-required':
    'something between box and cloud ends the TLS connection; take it out of the way',
};
