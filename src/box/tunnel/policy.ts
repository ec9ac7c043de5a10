import { minutes, type Random, seconds } from '../../kit/runtime/clock.ts';
import { type Backoff, backoffDelay } from '../../kit/runtime/retry.ts';
import type { TunnelState } from '../facts.ts';
import type { PagekiteEvent } from './pagekite-output.ts';

/**
 * When to start, probe and end the PageKite client, and what to say about it. Pure: what was seen so far, and the time
 * (monotonic, ms), in; what to do next out.
 */
export interface TunnelMemory {
  child: 'none' | 'starting' | 'live';
  /** When the child was started; when its kite went live. */
  since: number;
  /** A child is not started before this. */
  startAt: number;
  /** Starts that did not last, less those forgiven by time in which the tunnel worked. */
  failures: number;
  /** When the present child was first proven to carry visitors. */
  firstProof: number | undefined;
  /** Last proof of each address of the relays. */
  proofs: ReadonlyMap<string, number>;
  probeAt: number;
  probeFailures: number;
  /** The grant is not asked for before this. */
  grantAt: number;
  grantFailures: number;
  /** The relay refused what we hold: ask for a new grant. */
  grantStale: boolean;
  /** Why there is no connection, while that is so. */
  reason: string | undefined;
  /** The relay's word, while the last start was refused. */
  rejected: string | undefined;
}

export const untouched: TunnelMemory = {
  child: 'none',
  since: 0,
  startAt: 0,
  failures: 0,
  firstProof: undefined,
  proofs: new Map(),
  probeAt: 0,
  probeFailures: 0,
  grantAt: 0,
  grantFailures: 0,
  grantStale: false,
  reason: undefined,
  rejected: undefined,
};

export type TunnelEvent =
  | PagekiteEvent
  | { kind: 'started' }
  | { kind: 'exited'; reason: string }
  | { kind: 'stopped' }
  /** The box fetched its own page through these addresses. */
  | { kind: 'proven'; addresses: readonly string[] }
  | { kind: 'probe-failed'; reason: string }
  /** `moved`: other relays or another name than the running child's. */
  | { kind: 'granted'; moved: boolean }
  | { kind: 'grant-failed'; reason: string; retryAfterSeconds: number | undefined };

export type TunnelAction =
  | { kind: 'stop' }
  | { kind: 'fetch-grant' }
  | { kind: 'start' }
  | { kind: 'probe' }
  /** The child does not do its work: end it, so that it is started again. */
  | { kind: 'kill'; reason: string }
  | { kind: 'wait'; ms: number | undefined };

export const timing = {
  /** From the start of the child until its kite must be live. */
  liveWithin: seconds(20),
  probeEvery: seconds(30),
  probeAgain: seconds(2),
  /** Never ask for grants more often, whatever the clock of this box makes of their dates. */
  grantEvery: minutes(5),
  /** Each such time in which the tunnel was proven forgives one failure: what worked for 40 s is tried again at once. */
  forgives: seconds(5),
  /** An address without a proof for so long is taken out of the zone: two probes, and a minute of grace. */
  withdraw: seconds(90),
} as const;

const restart: Backoff = { initialMs: 400, factor: 2, capMs: 60_000, jitter: 0.5 };
const regrant: Backoff = { initialMs: 1000, factor: 2, capMs: 300_000, jitter: 0.5 };

// oxlint-disable-next-line typescript/consistent-return -- every kind of event returns; the compiler checks that
export function afterEvent(
  memory: TunnelMemory,
  event: TunnelEvent,
  now: number,
  random: Random,
): TunnelMemory {
  switch (event.kind) {
    case 'started':
      return { ...memory, child: 'starting', since: now, firstProof: undefined, probeFailures: 0 };
    case 'live':
      return memory.child === 'starting'
        ? { ...memory, child: 'live', since: now, probeAt: now, rejected: undefined }
        : memory;
    case 'stopped':
      return untouched;
    case 'proven':
      return proven(memory, event.addresses, now, random);
    case 'probe-failed':
      return {
        ...memory,
        probeFailures: memory.probeFailures + 1,
        probeAt: now + timing.probeAgain,
        reason: event.reason,
      };
    case 'rejected':
      // The secret may have become stale: a new one is worth asking for.
      return {
        ...ended(memory, now, random),
        rejected: event.reason,
        reason: event.reason,
        grantStale: true,
        grantAt: now,
      };
    case 'lost':
    case 'exited':
      return memory.child === 'none' ? memory : { ...ended(memory, now, random), reason: event.reason };
    case 'granted':
      return {
        ...memory,
        grantAt: now + timing.grantEvery,
        grantFailures: 0,
        grantStale: false,
        ...(event.moved ? { child: 'none', startAt: now, proofs: new Map() } : {}),
      };
    case 'grant-failed': {
      const failures = memory.grantFailures + 1;
      const delay = backoffDelay(regrant, failures, random, event.retryAfterSeconds);
      return { ...memory, grantFailures: failures, grantAt: now + delay, reason: event.reason };
    }
  }
}

function ended(memory: TunnelMemory, now: number, random: Random): TunnelMemory {
  const worked = memory.firstProof === undefined ? 0 : now - memory.firstProof;
  const failures = Math.max(0, memory.failures - Math.floor(worked / timing.forgives)) + 1;
  return {
    ...memory,
    child: 'none',
    failures,
    startAt: now + backoffDelay(restart, failures, random),
    firstProof: undefined,
  };
}

function proven(
  memory: TunnelMemory,
  addresses: readonly string[],
  now: number,
  random: Random,
): TunnelMemory {
  if (memory.child !== 'live') return memory;
  const proofs = new Map([...memory.proofs].filter(([, at]) => now - at < timing.withdraw));
  for (const address of addresses) proofs.set(address, now);
  return {
    ...memory,
    proofs,
    firstProof: memory.firstProof ?? now,
    probeFailures: 0,
    // Between three quarters and five quarters, so that a million boxes do not probe in step.
    probeAt: now + timing.probeEvery * (0.75 + random() / 2),
    reason: undefined,
  };
}

export interface Wanted {
  enabled: boolean;
  certificate: boolean;
  /** Another box with this identity was there first: the tunnel is its. */
  copy?: boolean;
  /** Milliseconds until the grant at hand should be renewed; `undefined` while there is none. */
  grantDueIn: number | undefined;
}

export function nextAction(memory: TunnelMemory, wanted: Wanted, now: number): TunnelAction {
  const { child, since, firstProof, probeFailures, probeAt, startAt } = memory;
  if (!wanted.enabled || !wanted.certificate || wanted.copy === true) {
    return memory === untouched ? { kind: 'wait', ms: undefined } : { kind: 'stop' };
  }
  if (child === 'starting' && now - since >= timing.liveWithin) {
    return { kind: 'kill', reason: 'the relay did not accept the box in time' };
  }
  if (child === 'live' && probeFailures >= (firstProof === undefined ? 3 : 2)) {
    return { kind: 'kill', reason: memory.reason ?? 'the box cannot be reached through the tunnel' };
  }
  const granted = wanted.grantDueIn !== undefined;
  const dueIn = memory.grantStale ? 0 : (wanted.grantDueIn ?? 0);
  const grantAt = Math.max(memory.grantAt, now + dueIn);
  if (now >= grantAt) return { kind: 'fetch-grant' };
  if (child === 'none' && granted && now >= startAt) return { kind: 'start' };
  if (child === 'live' && now >= probeAt) return { kind: 'probe' };
  const times = [
    grantAt,
    ...(child === 'none' && granted ? [startAt] : []),
    ...(child === 'starting' ? [since + timing.liveWithin] : []),
    ...(child === 'live' ? [probeAt] : []),
    ...[...memory.proofs.values()].map((at) => at + timing.withdraw).filter((at) => at > now),
  ];
  return { kind: 'wait', ms: Math.min(...times) - now };
}

/** What the others are told. */
export function stateOf(
  memory: TunnelMemory,
  wanted: Wanted,
  now: number,
  origin: string | undefined,
): TunnelState {
  if (!wanted.enabled) return { phase: 'off', addresses: [], origin: undefined };
  if (!wanted.certificate)
    return { phase: 'waiting', reason: 'there is no certificate yet', addresses: [], origin: undefined };
  if (wanted.copy === true)
    return { phase: 'waiting', reason: 'another box with the same identity is there', addresses: [], origin: undefined }; // prettier-ignore
  const addresses = [...memory.proofs]
    .filter(([, at]) => now - at < timing.withdraw)
    .map(([address]) => address)
    .toSorted();
  if (memory.child === 'live' && memory.firstProof !== undefined) {
    return { phase: 'connected', addresses, origin };
  }
  const reason = memory.reason === undefined ? {} : { reason: memory.reason };
  if (memory.rejected !== undefined) return { phase: 'rejected', ...reason, addresses, origin: undefined };
  return { phase: memory.proofs.size > 0 ? 'lost' : 'connecting', ...reason, addresses, origin: undefined };
}
