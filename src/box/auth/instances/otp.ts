import { createHmac } from 'node:crypto';
import { instanceLimits } from '../../../protocol/instance-api.ts';

/** RFC 6238, 4.1: X, seconds. */
export const stepSeconds = 30;
/** So many steps from the one of the request on: it lasts its time whenever in a step it was asked for. */
const stepsBack = Math.ceil(instanceLimits.otpSeconds / stepSeconds);
const digits = 8;

/** RFC 4226, 5.3 with HMAC-SHA-256 (RFC 6238, 1.2): a code of eight digits. */
export function hotp(key: Uint8Array, counter: number): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac('sha256', key).update(message).digest();
  const offset = mac.readUInt8(mac.length - 1) & 0xf;
  const number = (mac.readUInt32BE(offset) & 0x7f_ff_ff_ff) % 10 ** digits;
  return String(number).padStart(digits, '0');
}

const stepAt = (now: number): number => Math.floor(now / 1000 / stepSeconds);

/**
 * The key of the passwords of one request: nobody can make it without the request's own secret, and the password of one
 * device or mailbox is none for another. Lengths stand before the ids, so that no two pairs run together.
 */
export function keyFor(secret: Uint8Array, deviceId: string, uid: string): Buffer {
  const ids = [deviceId, uid].map((id) => `${Buffer.byteLength(id)}:${id}`).join('');
  return createHmac('sha256', secret).update(ids).digest();
}

/** RFC 6238, 4.2. `now`: ms of any clock that only the box looks at. */
export function totp(key: Uint8Array, now: number): string {
  return hotp(key, stepAt(now));
}

/** Every password of this key that is good at `now` (RFC 6238, 5.2). */
export function goodAt(key: Uint8Array, now: number): string[] {
  return Array.from({ length: stepsBack + 1 }, (_, back) => stepAt(now) - back)
    .filter((step) => step >= 0)
    .map((step) => hotp(key, step));
}
