import { type Clock, days, hours, minutes, type Random } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import type { Identity, PublishedZone, ZoneCertificate } from '../facts.ts';
import type { AcmeCa } from './acme.ts';
import { askRenewalInfo } from './ari.ts';
import { type AcmeOptions, authority, offeredProfile, replaceable, reportContact } from './authority.ts';
import { certificateNames, type CertificateZone, type Issuance, obtain, withdrawn } from './obtain.ts';
import {
  type Decision,
  decide,
  failureKind,
  noRenewal,
  pollTime,
  type Renewal,
  stableFraction,
  type Target,
  withFailure,
} from './policy.ts';
import type { Pair } from './pair.ts';
import { type Progress, report } from './report.ts';
import { CertificateStore } from './store.ts';

export interface CertificateOptions {
  identity: Identity;
  names: ZoneNames;
  /** Nothing is asked for before the zone is served. */
  zone: Fact<PublishedZone | undefined>;
  zoneClient: CertificateZone;
  acme: AcmeOptions;
  /** The part's own folder; created when missing. */
  stateFolder: string;
  /** When this program was built, ms since the epoch: a clock that says less is wrong. */
  builtAt: number;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
  /** Told after each step of getting a certificate. */
  onStep?: (step: string) => void;
}

/** The longest sleep: the wall clock may jump meanwhile (a box learns the time late). */
const longestSleepMs = hours(1);

const pinEveryMs = days(1);

/** Between two attempts that are closer than this, TXT values stay in the zone. */
const longestPauseMs = minutes(1);

/** Owner of the zone's certificate: obtains, renews and keeps it (RFC 8555, RFC 9773). */
export class CertificateKeeper implements Service {
  readonly name = 'certificate';
  readonly #options: CertificateOptions;
  readonly #names: readonly string[];
  readonly #certificate = new OwnedFact<ZoneCertificate | undefined>(undefined);
  readonly #store: CertificateStore;
  readonly #loop: Reconciler;
  readonly #jitter: number;
  readonly #onStep: (step: string) => void;
  #loaded = false;
  /** The order that is under way. */
  #progress: Progress | undefined;
  #renewal = noRenewal;
  /** Why the pair on disk is not used. */
  #unusable: string | undefined;
  /** A failure on this side of the CA, until a round succeeds. */
  #failure: { code: string; message: string } | undefined;
  /** TXT values may be in the zone: those of a killed process, or of a removal that failed. */
  #challengesLeft = true;
  /** When the account was last pinned in the zone, by the wall clock, which may jump. */
  #pinnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CertificateOptions) {
    this.#options = options;
    this.#names = certificateNames(options.names);
    this.#jitter = stableFraction(options.identity.boxId);
    this.#onStep = (step): void => {
      this.#advance(step);
      options.onStep?.(step);
    };
    this.#store = new CertificateStore({ folder: options.stateFolder, log: options.log });
    this.#loop = new Reconciler({
      name: this.name,
      watch: [options.zone],
      reconcile: (signal) => this.#round(signal),
      goodbye: (signal) => this.#withdraw(signal),
      onFailure: (error) => this.#failedHere(error),
      clock: options.clock,
      random: options.random,
      log: options.log,
    });
  }

  /** The certificate in use, the one on disk included, also when it has expired: a wrong clock must not take it away. */
  get certificate(): Fact<ZoneCertificate | undefined> {
    return this.#certificate;
  }

  /** When it resolves, the certificate on disk is in use: whoever serves pages is started after it. */
  async start(): Promise<void> {
    try {
      await this.#load();
    } catch {
      // The loop tries again, and says why it cannot.
    }
    await this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { clock, zone } = this.#options;
    await this.#load();
    if (this.#decide().why !== 'clock-wrong') await this.#pollRenewalInfo(signal);
    const decision = this.#decide();
    this.#report(decision);
    if (decision.do === 'obtain' && zone.value !== undefined) {
      await this.#obtain(decision.from, signal);
      return 0;
    }
    // The order goes on in a moment, and the CA may be looking at the values right now.
    const pausing = decision.why === 'back-off' && decision.until - clock.now() < longestPauseMs;
    if (!pausing) {
      await this.#withdraw(signal);
      await this.#pin(signal);
    }
    this.#failure = undefined;
    this.#report(decision);
    const wakeAt = Math.min(
      decision.do === 'wait' ? decision.until : Number.POSITIVE_INFINITY,
      this.#nextPollAt(),
    );
    return Math.min(longestSleepMs, Math.max(0, wakeAt - clock.now()));
  }

  /** Reads what is on disk, once. */
  async #load(): Promise<void> {
    if (this.#loaded) return;
    this.#renewal = (await this.#store.renewal.read()) ?? noRenewal;
    try {
      this.#certificate.set(await this.#store.current(this.#names));
    } catch (error) {
      if (codeOf(error) !== 'certificate-unusable') throw error;
      this.#unusable = messageOf(error);
      this.#options.log.warn(this.#unusable);
    }
    const order = await this.#store.order.read();
    // Killed between switching to the new pair and forgetting its order.
    if (order !== undefined && order.keyPem === this.#certificate.value?.keyPem)
      await this.#store.order.remove();
    await this.#reportContact();
    this.#loaded = true;
  }

  /** What people see of an order: some CAs take minutes. Steps in between, which wait for nobody, are not shown. */
  #advance(step: string): void {
    if (step !== 'begun' && this.#progress === undefined) return;
    this.#progress = { step, at: this.#options.clock.now() };
    this.#report(this.#decide());
  }

  #decide(): Decision {
    const { acme, builtAt, clock } = this.#options;
    return decide({
      certificate: this.#certificate.value,
      renewal: this.#renewal,
      hasStaging: acme.stagingDirectoryUrl !== undefined,
      builtAt,
      jitter: this.#jitter,
      now: clock.now(),
      wall: clock.wall?.(),
    });
  }

  async #obtain(target: Target, signal: AbortSignal): Promise<void> {
    const { log, acme } = this.#options;
    const ca = authority(acme, target);
    log.info({ target, names: this.#names }, `obtaining a certificate from ${ca.directoryUrl}`);
    this.#challengesLeft = true;
    this.#progress = undefined;
    this.#advance('begun');
    try {
      const pair = await obtain(await this.#issuance(ca, target, signal));
      if (target === 'production') await this.#use(pair);
      else await this.#remember({ ...this.#renewal, rehearsed: true });
      await this.#store.order.remove();
      this.#onStep('order-forgotten');
      await this.#withdraw(signal);
      this.#onStep('challenges-removed');
    } catch (error) {
      signal.throwIfAborted();
      await this.#failedAtCa(error, target);
    } finally {
      this.#progress = undefined;
      ca.close();
      await this.#reportContact();
    }
  }

  async #issuance(ca: AcmeCa, target: Target, signal: AbortSignal): Promise<Issuance> {
    const { acme, names, zoneClient, clock, log, health } = this.#options;
    const offers = await ca.offers(signal);
    // A rehearsal replaces nothing, and at staging nothing is known of our certificate.
    const present = target === 'production' ? this.#certificate.value : undefined;
    return {
      ca,
      zone: zoneClient,
      names,
      store: this.#store,
      contactEmail: acme.contactEmail,
      termsAgreed: acme.termsAgreed,
      externalAccount: acme.externalAccount,
      replaces: replaceable(present, offers, clock.now()),
      profile: offeredProfile(acme.profile, offers, health),
      clock,
      log,
      onStep: this.#onStep,
      signal,
    };
  }

  async #use(pair: Pair): Promise<void> {
    const certificate = await this.#store.use(pair, this.#names, this.#onStep);
    this.#progress = undefined;
    this.#unusable = undefined;
    this.#failure = undefined;
    this.#certificate.set(certificate);
    await this.#remember({ ...noRenewal, issuedAt: this.#options.clock.now() });
    const until = new Date(certificate.notAfter).toISOString();
    this.#options.log.info({ serial: certificate.serial, until }, `certificate in use until ${until}`);
  }

  async #pollRenewalInfo(signal: AbortSignal): Promise<void> {
    const { acme, clock, log } = this.#options;
    const certificate = this.#certificate.value;
    if (certificate === undefined || clock.now() < this.#nextPollAt()) return;
    const ca = authority(acme, 'production');
    try {
      const ari = await askRenewalInfo({
        ca,
        certificate,
        before: this.#renewal.ari,
        now: clock.now(),
        log,
        signal,
      });
      await this.#remember({ ...this.#renewal, ari });
    } finally {
      ca.close();
    }
  }

  #nextPollAt(): number {
    const certificate = this.#certificate.value;
    if (certificate === undefined) return Number.POSITIVE_INFINITY;
    return pollTime(certificate, this.#renewal, this.#options.clock.now());
  }

  /** Failures of the CA are remembered and answered by the policy; others are the loop's, which tries again soon. */
  async #failedAtCa(error: unknown, target: Target): Promise<void> {
    const { clock, random, log } = this.#options;
    const kind = failureKind(error);
    if (kind === undefined || !(error instanceof Problem)) throw error;
    const { code, message, retryAfterSeconds } = error;
    const failure = { at: clock.now(), target, kind, code, message, retryAfterSeconds };
    this.#failure = undefined;
    await this.#remember(withFailure(this.#renewal, failure, random));
    log.warn({ code, target, kind, retryAfterSeconds }, `no certificate: ${message}`);
  }

  #failedHere(error: unknown): void {
    this.#failure = { code: codeOf(error), message: messageOf(error) };
    if (this.#loaded) this.#report(this.#decide());
  }

  /** Takes our TXT values out of the zone. */
  async #withdraw(signal: AbortSignal): Promise<void> {
    const { zone, zoneClient } = this.#options;
    if (!this.#challengesLeft || zone.value === undefined) return;
    await withdrawn(zoneClient, signal);
    this.#challengesLeft = false;
  }

  /**
   * Keeps the account pinned in the zone (RFC 8657): a dns-server that lost its store serves the zone again without. Looked
   * after at the start and daily; a failure holds nothing up, and the next round tries again.
   */
  async #pin(signal: AbortSignal): Promise<void> {
    const { acme, clock, log, zone, zoneClient } = this.#options;
    const now = clock.now();
    if (zone.value === undefined || Math.abs(now - this.#pinnedAt) < pinEveryMs) return;
    const account = await this.#store.account(acme.directoryUrl);
    if (account?.url === undefined) return;
    try {
      await zoneClient.setCaa(account.url, signal);
      this.#pinnedAt = now;
    } catch (error) {
      signal.throwIfAborted();
      log.info({ code: codeOf(error) }, `the ACME account could not be pinned: ${messageOf(error)}`);
    }
  }

  /** A disk that takes nothing must not hold up the work: what is remembered is then lost at the next start. */
  async #remember(renewal: Renewal): Promise<void> {
    this.#renewal = renewal;
    try {
      await this.#store.renewal.write(renewal);
    } catch (error) {
      this.#options.log.warn({ code: codeOf(error) }, messageOf(error));
    }
  }

  async #reportContact(): Promise<void> {
    const { acme, health } = this.#options;
    const account = await this.#store.account(acme.directoryUrl);
    reportContact(health, acme.contactEmail, account?.contactRefused);
  }

  #report(decision: Decision): void {
    const { health, clock, zone } = this.#options;
    report(health, {
      certificate: this.#certificate.value,
      unusable: this.#unusable,
      decision,
      failure: this.#failure ?? this.#renewal.failures.at(-1),
      zonePublished: zone.value !== undefined,
      progress: this.#progress,
      now: clock.now(),
      wall: clock.wall?.(),
    });
  }
}
