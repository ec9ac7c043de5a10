import { isDeepStrictEqual } from 'node:util';
import { type Clock, likelyNow, type Random } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import type { Health } from '../../kit/runtime/health.ts';
import type { Log } from '../../kit/log/log.ts';
import { Reconciler } from '../../kit/runtime/reconcile.ts';
import type { Service } from '../../kit/runtime/service.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import type { TunnelGrant } from '../../protocol/zone-api.ts';
import type { TunnelState, ZoneCertificate } from '../facts.ts';
import { reportHealth } from './health.ts';
import type { OwnProbe } from './own-probe.ts';
import { Pagekite } from './pagekite.ts';
import {
  afterEvent,
  nextAction,
  stateOf,
  type TunnelAction,
  type TunnelEvent,
  untouched,
  type Wanted,
} from './policy.ts';
import { probe } from './probe.ts';

export interface TunnelOptions {
  names: Pick<ZoneNames, 'tunnel'>;
  /** Whether the owner wants the box to be reachable from outside. */
  enabled: Fact<boolean>;
  certificate: Fact<ZoneCertificate | undefined>;
  /** Another box with this identity was there first; absent: none was. */
  copy?: Fact<boolean | undefined>;
  /** The zone API's client. */
  grants: { tunnel(signal: AbortSignal): Promise<TunnelGrant> };
  /** Loopback port of the box's web that expects a PROXY header before each connection. */
  localPort: () => number;
  /** What that port expects before the header, to know the client by; absent: nothing. */
  localKey?: () => string;
  /** The same that the box's web answers with. */
  probe: OwnProbe;
  /** PEM to trust when probing; the system's roots when absent. */
  probeCa?: string;
  /** A folder of the tunnel's own, for files that need not outlive the process. */
  runtimeFolder: string;
  log: Log;
  clock: Clock;
  random: Random;
  health: Health;
  /** The packaged client, and the Python it is packaged for. */
  pagekite?: { program: string; python: string };
}

const packaged = { program: '/usr/bin/pagekite', python: '/usr/bin/python3' };
const probeTimeoutMs = 5000;

/** Owner of the tunnel state: a PageKite client as a child, watched, proven and started again. */
export class Tunnel implements Service {
  readonly name = 'tunnel';
  readonly #options: TunnelOptions;
  readonly #state = new OwnedFact<TunnelState>({ phase: 'off', addresses: [], origin: undefined });
  readonly #reconciler: Reconciler;
  #memory = untouched;
  #grant: TunnelGrant | undefined;
  #child: Pagekite | undefined;
  #probing: AbortController | undefined;

  constructor(options: TunnelOptions) {
    this.#options = options;
    const { enabled, certificate, copy, clock, random, log } = options;
    this.#reconciler = new Reconciler({
      name: this.name,
      watch: [enabled, certificate, ...(copy === undefined ? [] : [copy])],
      reconcile: (signal) => this.#round(signal),
      goodbye: () => this.#stopChild(),
      clock,
      random,
      log,
    });
  }

  get state(): Fact<TunnelState> {
    return this.#state;
  }

  async start(): Promise<void> {
    await this.#reconciler.start();
  }

  async stop(): Promise<void> {
    await this.#reconciler.stop();
    this.#happened({ kind: 'stopped' });
    this.#state.set({ phase: 'off', addresses: [], origin: undefined });
    this.#options.health.clear('tunnel');
  }

  async #round(signal: AbortSignal): Promise<number | undefined> {
    for (;;) {
      // A client that lost its relay would try again by itself, minutes later and with a secret of the past.
      if (this.#memory.child === 'none') await this.#stopChild();
      this.#publish();
      const action = nextAction(this.#memory, this.#wanted(), this.#now());
      if (action.kind === 'wait') return action.ms;
      await this.#perform(action, signal);
      signal.throwIfAborted();
    }
  }

  async #perform(action: Exclude<TunnelAction, { kind: 'wait' }>, signal: AbortSignal): Promise<void> {
    switch (action.kind) {
      case 'fetch-grant':
        return this.#fetchGrant(signal);
      case 'start':
        return this.#startChild();
      case 'probe':
        return this.#probe(signal);
      case 'kill':
        return this.#happened({ kind: 'lost', reason: action.reason });
      case 'stop':
        // It is of the time before; a copy that takes over later gets another one.
        this.#grant = undefined;
        return this.#happened({ kind: 'stopped' });
    }
  }

  #happened(event: TunnelEvent): void {
    this.#memory = afterEvent(this.#memory, event, this.#now(), this.#options.random);
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #wanted(): Wanted {
    const { enabled, certificate, copy, clock } = this.#options;
    return {
      copy: copy?.value ?? false,
      enabled: enabled.value,
      certificate: certificate.value !== undefined,
      grantDueIn: this.#grant === undefined ? undefined : this.#grant.renewBefore - likelyNow(clock),
    };
  }

  #publish(): void {
    const { names, health } = this.#options;
    const port = this.#grant?.publicPort ?? 443;
    const origin = `https://${names.tunnel}${port === 443 ? '' : `:${port}`}`;
    this.#state.set(stateOf(this.#memory, this.#wanted(), this.#now(), origin));
    reportHealth(health, this.#state.value);
  }

  async #fetchGrant(signal: AbortSignal): Promise<void> {
    try {
      const grant = await this.#options.grants.tunnel(signal);
      const before = this.#grant;
      this.#grant = grant;
      this.#happened({ kind: 'granted', moved: before !== undefined && !isSameGrant(before, grant) });
    } catch (error) {
      signal.throwIfAborted();
      const retryAfterSeconds = error instanceof Problem ? error.retryAfterSeconds : undefined;
      const reason = `the zone API grants no tunnel: ${messageOf(error)}`;
      this.#options.log.warn(reason);
      this.#happened({ kind: 'grant-failed', reason, retryAfterSeconds });
    }
  }

  async #startChild(): Promise<void> {
    const { localPort, localKey, runtimeFolder, pagekite = packaged, log } = this.#options;
    if (this.#grant === undefined) return;
    this.#happened({ kind: 'started' });
    try {
      const child = await Pagekite.start({
        grant: this.#grant,
        localPort: localPort(),
        localKey: localKey?.(),
        runtimeFolder,
        ...pagekite,
        onEvent: (event) => this.#fromChild(child, event),
      });
      this.#child = child;
      const relays = this.#grant.frontends.map(({ address }) => address);
      log.info({ pid: child.pid, relays }, 'connecting the tunnel');
      void this.#awaitExit(child);
    } catch (error) {
      log.error({ code: codeOf(error) }, messageOf(error));
      this.#happened({ kind: 'exited', reason: messageOf(error) });
    }
  }

  async #awaitExit(child: Pagekite): Promise<void> {
    const { error, code, signal } = await child.exited;
    const why = error === undefined ? `ended (${signal ?? code})` : `cannot be started: ${messageOf(error)}`;
    this.#fromChild(child, { kind: 'exited', reason: `the PageKite client ${why}` });
  }

  #fromChild(child: Pagekite, event: TunnelEvent): void {
    if (child !== this.#child) return;
    const { log } = this.#options;
    if (event.kind === 'lost' || event.kind === 'exited') log.warn(`the tunnel is down: ${event.reason}`);
    if (event.kind === 'rejected')
      log.warn({ reason: event.reason }, `the relay refuses the box: ${event.reason}`);
    this.#happened(event);
    this.#probing?.abort();
    this.#reconciler.nudge();
  }

  async #stopChild(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await child?.stop();
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const { names, probe: own, probeCa: ca, log } = this.#options;
    const { addresses = [], publicPort: port = 443 } = this.#grant ?? {};
    this.#probing = new AbortController();
    const either = AbortSignal.any([signal, this.#probing.signal]);
    const started = this.#now();
    const results = await Promise.allSettled(
      addresses.map(async (address) => {
        await probe({
          own,
          address,
          port,
          tunnelName: names.tunnel,
          ca,
          timeoutMs: probeTimeoutMs,
          signal: either,
        });
        return address;
      }),
    );
    this.#probing = undefined;
    // The child told of its end meanwhile: that says more than a probe.
    if (either.aborted) return;
    const proven = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = results.flatMap((result) =>
      result.status === 'rejected' ? [messageOf(result.reason)] : [],
    );
    if (proven.length > 0) {
      const first = this.#memory.firstProof === undefined;
      if (first)
        log.info(
          { addresses: proven, ms: Math.round(this.#now() - started) },
          'the box reaches itself through the tunnel',
        );
      return this.#happened({ kind: 'proven', addresses: proven });
    }
    const reason = failed[0] ?? 'the zone API named no address of a relay';
    log.warn(`the box does not reach itself through the tunnel: ${reason}`);
    this.#happened({ kind: 'probe-failed', reason });
  }
}

function isSameGrant(a: TunnelGrant, b: TunnelGrant): boolean {
  return isDeepStrictEqual(lasting(a), lasting(b));
}

/** What a grant says beside its secrets. */
function lasting({ secret: _secret, runKite: _runKite, renewBefore: _date, ...rest }: TunnelGrant): object {
  return rest;
}
