import type { Endpoints } from '../protocol/access-api.ts';
import { allEndpoints, isLocal, type Endpoint } from './endpoints.ts';

/**
 * Which endpoint is used: a function of what is known and what happened. The one in use stays while it works; then comes a
 * mirror, whose name no resolver has cached; then the tunnel; then whatever is left. From the tunnel the way home is looked
 * for again and again. No two local names are ever tried at the same time, so that mirrors stay uncached until needed.
 */
export interface Choice {
  ways: Endpoints;
  /** From a page on the internet names of the home network are not touched before the person has agreed. */
  localAllowed: boolean;
  /** Where requests go; `undefined` when no way may be used. */
  current: Endpoint | undefined;
  /** When an answer last came over `current`, ms; `undefined` while it has given none. */
  provenAt: number | undefined;
  /** What is being asked whether it is open: `current`, or from the tunnel the way home. One at a time. */
  probe: Endpoint | undefined;
  /** Origins that failed, one after the other, since the last answer. */
  failed: readonly string[];
  /** Fruitless looks for the way home, or for any way, in a row. */
  misses: number;
  /** When to look again; `undefined`: there is nothing to look for, or it is being done. */
  lookAt: number | undefined;
}

export type ChoiceEvent =
  /** Something came back over the way with this origin. */
  | { type: 'answered'; origin: string }
  /** The probe of this origin got no answer. */
  | { type: 'dead'; origin: string }
  /** A request over this origin failed or is silent: ask whether the way is open. */
  | { type: 'suspect'; origin: string }
  /** Somebody needs the box now. */
  | { type: 'wanted' }
  /** `lookAt` has come. */
  | { type: 'tick' }
  /** The device is on another network, or online again. */
  | { type: 'network-changed' }
  | { type: 'ways'; ways: Endpoints }
  | { type: 'local-allowed'; allowed: boolean };

export interface Decision {
  choice: Choice;
  /** The list of ways may be out of date: ask the registration-server. */
  refresh: boolean;
}

const look = { initialMs: 1000, capMs: 60_000 } as const;

/** Nothing works, and nothing is tried until `lookAt` or until somebody wants the box. */
export const isResting = (choice: Choice): boolean =>
  choice.current !== undefined && choice.provenAt === undefined && choice.probe === undefined;

/** `preferTunnel`: the box was last reached from outside, so begin there, and look for the way home at once. */
export function firstChoice(
  given: { ways: Endpoints; localAllowed: boolean; preferTunnel?: boolean },
  now: number,
): Choice {
  const { ways, localAllowed, preferTunnel = false } = given;
  const candidates = allEndpoints(ways).filter((endpoint) => localAllowed || !isLocal(endpoint));
  const tunnel = candidates.find((endpoint) => !isLocal(endpoint));
  const current = (preferTunnel ? tunnel : undefined) ?? candidates[0];
  const lookAt = current === tunnel && localAllowed ? now : undefined;
  return {
    ways,
    localAllowed,
    current,
    provenAt: undefined,
    probe: current,
    failed: [],
    misses: 0,
    lookAt,
  };
}

export function decide(choice: Choice, event: ChoiceEvent, now: number): Decision {
  if (event.type === 'dead') return dead(choice, event.origin, now);
  return { choice: after(choice, event, now), refresh: event.type === 'network-changed' };
}

// oxlint-disable-next-line typescript/consistent-return -- every kind of event returns; the compiler checks that
function after(choice: Choice, event: Exclude<ChoiceEvent, { type: 'dead' }>, now: number): Choice {
  switch (event.type) {
    case 'answered':
      return answered(choice, event.origin, now);
    case 'suspect':
      return suspected(choice, event.origin, now);
    case 'wanted':
      return isResting(choice) ? wake(choice) : choice;
    case 'tick':
      return tick(choice, now);
    case 'network-changed':
      return {
        ...wake(choice),
        provenAt: undefined,
        misses: 0,
        lookAt: lookFrom(choice, choice.current, now),
      };
    case 'ways':
      return withEndpoints(choice, event.ways, now);
    case 'local-allowed':
      return withPermission(choice, event.allowed, now);
  }
}

function suspected(choice: Choice, origin: string, now: number): Choice {
  const { current, probe, lookAt } = choice;
  if (current?.origin !== origin || probe?.origin === origin) return choice;
  if (isResting(choice)) return wake(choice);
  // A look for the way home waits for the verdict.
  return { ...choice, probe: current, lookAt: probe === undefined ? lookAt : now };
}

function answered(choice: Choice, origin: string, now: number): Choice {
  const { current, probe } = choice;
  const endpoint = [current, probe].find((candidate) => candidate?.origin === origin);
  if (endpoint === undefined) return choice;
  const proven = { ...choice, current: endpoint, provenAt: now, failed: [] };
  if (isLocal(endpoint)) return { ...proven, probe: undefined, misses: 0, lookAt: undefined };
  const looking = probe !== undefined && isLocal(probe);
  const wait = isResting(choice) ? undefined : choice.lookAt;
  return {
    ...proven,
    probe: looking ? probe : undefined,
    misses: choice.provenAt === undefined ? 0 : choice.misses,
    lookAt: looking ? undefined : (wait ?? lookFrom(choice, endpoint, now + look.initialMs)),
  };
}

function lookFrom(choice: Choice, endpoint: Endpoint | undefined, at: number): number | undefined {
  return choice.localAllowed && endpoint?.kind === 'tunnel' ? at : undefined;
}

function dead(choice: Choice, origin: string, now: number): Decision {
  const { current, probe } = choice;
  if (probe?.origin !== origin) return { choice, refresh: false };
  if (current?.origin !== origin)
    return { choice: missed({ ...choice, probe: undefined }, now), refresh: false };
  const failed = [...choice.failed, origin];
  const next = nextAfter(choice, failed);
  const lost = { ...choice, provenAt: undefined, failed };
  if (next === undefined) {
    const { current } = firstChoice(choice, now);
    return { choice: missed({ ...lost, current, probe: undefined }, now), refresh: true };
  }
  const lookAt = lookFrom(choice, next, now + look.initialMs);
  return { choice: { ...lost, current: next, probe: next, lookAt }, refresh: true };
}

function missed(choice: Choice, now: number): Choice {
  const delay = Math.min(look.capMs, look.initialMs * 2 ** Math.min(choice.misses, 30));
  return { ...choice, misses: choice.misses + 1, lookAt: now + delay };
}

/** Main, then names no resolver has cached; after two local names the tunnel, because then it is not the name. */
function nextAfter(choice: Choice, failed: readonly string[]): Endpoint | undefined {
  const left = allEndpoints(choice.ways).filter((endpoint) => !failed.includes(endpoint.origin));
  const local = choice.localAllowed ? left.filter(isLocal) : [];
  const tunnel = left.find((endpoint) => !isLocal(endpoint));
  const localFailures = failed.filter((origin) => origin !== choice.ways.tunnel).length;
  if (tunnel !== undefined && (localFailures >= 2 || local.length === 0)) return tunnel;
  const [first] = local;
  return localFailures === 0 ? first : (local.find((endpoint) => endpoint.kind !== 'main') ?? first);
}

function tick(choice: Choice, now: number): Choice {
  if (choice.probe !== undefined || choice.lookAt === undefined || now < choice.lookAt) return choice;
  if (isResting(choice)) return wake(choice);
  // Mirrors are for when main fails: looking for the way home leaves them uncached.
  const { main, address } = choice.ways;
  const endpoint: Endpoint =
    address !== null && choice.misses % 2 === 1
      ? { kind: 'address', origin: address }
      : { kind: 'main', origin: main };
  return { ...choice, probe: endpoint, lookAt: undefined };
}

function wake(choice: Choice): Choice {
  return { ...choice, probe: choice.current, failed: [], lookAt: undefined };
}

function withEndpoints(choice: Choice, ways: Endpoints, now: number): Choice {
  if (JSON.stringify(ways) === JSON.stringify(choice.ways)) return choice;
  const known = (endpoint: Endpoint | undefined): Endpoint | undefined =>
    allEndpoints(ways).find(({ origin }) => origin === endpoint?.origin);
  const current = known(choice.current);
  if (current === undefined) return firstChoice({ ways, localAllowed: choice.localAllowed }, now);
  const next = { ...choice, ways, current, probe: known(choice.probe) };
  if (isResting(choice)) return wake(next);
  // Where the box is now may be nearer than the tunnel.
  return next.probe === undefined ? { ...next, misses: 0, lookAt: lookFrom(next, current, now) } : next;
}

function withPermission(choice: Choice, allowed: boolean, now: number): Choice {
  if (allowed === choice.localAllowed) return choice;
  const next = { ...choice, localAllowed: allowed };
  const { current, probe } = choice;
  if (current === undefined || (!allowed && isLocal(current))) return firstChoice(next, now);
  if (isResting(choice)) return wake(next);
  const forbidden = !allowed && probe !== undefined && isLocal(probe);
  return {
    ...next,
    probe: forbidden ? undefined : probe,
    misses: 0,
    lookAt: lookFrom(next, current, now),
  };
}
