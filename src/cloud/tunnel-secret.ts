import { createHmac } from 'node:crypto';
import { days, minutes } from '../kit/runtime/clock.ts';

/**
 * The secret with which a box proves its kite name to a relay: HMAC-SHA256 over kite name and epoch, in hex. Derived,
 * so that dns-server and relays share one master key and no table. An epoch is one day and begins at another time of
 * day for each kite, so that a million boxes do not renew in the same minute.
 */
const epochMs = days(1);

/** How far the clocks of dns-server and relay may differ. */
const skewMs = minutes(5);

/** The secret of the present epoch. It works until one epoch after `renewBefore` (ms since the Unix epoch). */
export function tunnelSecret(
  masterKey: Uint8Array,
  kiteName: string,
  now: number,
): { secret: string; renewBefore: number } {
  const offset = epochOffset(masterKey, kiteName);
  const epoch = epochAt(now, offset);
  return { secret: secretOf(masterKey, kiteName, epoch), renewBefore: (epoch + 1) * epochMs + offset };
}

/** The secrets that prove `kiteName` at `now`: of the present epoch first, then of the one before. */
export function acceptedTunnelSecrets(masterKey: Uint8Array, kiteName: string, now: number): string[] {
  const offset = epochOffset(masterKey, kiteName);
  const present = epochAt(now, offset);
  const epochs = new Set([present, epochAt(now + skewMs, offset), present - 1]);
  return [...epochs].map((epoch) => secretOf(masterKey, kiteName, epoch));
}

function epochAt(now: number, offset: number): number {
  return Math.floor((now - offset) / epochMs);
}

function epochOffset(masterKey: Uint8Array, kiteName: string): number {
  return digest(masterKey, `epoch-offset:${kiteName}`).readUInt32BE() % epochMs;
}

function secretOf(masterKey: Uint8Array, kiteName: string, epoch: number): string {
  return digest(masterKey, `tunnel-secret:${epoch}:${kiteName}`).toString('hex');
}

function digest(masterKey: Uint8Array, text: string): Buffer {
  return createHmac('sha256', masterKey).update(text).digest();
}
