import { Value } from 'typebox/value';
import type { Clock } from '../../../kit/runtime/clock.ts';
import { codeOf, messageOf, Problem } from '../../../kit/runtime/errors.ts';
import { RateLimit } from '../../../kit/http/rate-limit.ts';
import { type DeviceReply, DeviceRequest } from '../../../protocol/enrolment-api.ts';

/** Of one socket. */
const rate = { burst: 20, perSecond: 2 };

/** What a device is answered over its socket; no message of it can do any harm. */
export function answers(options: { state: () => object; clock: Clock }): (data: Buffer) => DeviceReply {
  const limit = new RateLimit(rate, 1);
  return (data) => {
    const given = jsonIn(data.toString('utf8'));
    try {
      const request = requestIn(given);
      limit.take('', options.clock.monotonic(), 'requests');
      return { id: request.id, success: request.method === 'state' ? options.state() : {} };
    } catch (error) {
      return { id: idIn(given), error: { code: codeOf(error), message: messageOf(error) } };
    }
  };
}

/** Throws `bad-request`. */
function requestIn(request: unknown): DeviceRequest {
  if (Value.Check(DeviceRequest, request)) return request;
  throw new Problem('bad-request', 'only { id, method: "ping" or "state" } is understood here', {
    status: 400,
  });
}

const idMax = 64;

/** So that a device knows which of its requests was wrong, whatever was wrong with it. */
function idIn(request: unknown): number | string | null {
  const id: unknown = typeof request === 'object' && request !== null && 'id' in request ? request.id : null;
  const readable = typeof id === 'number' || (typeof id === 'string' && id.length <= idMax);
  return readable ? id : null;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
