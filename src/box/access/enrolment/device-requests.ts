import { Value } from 'typebox/value';
import type { Clock } from '../../../kit/clock.ts';
import { codeOf, messageOf, Problem } from '../../../kit/errors.ts';
import { RateLimit } from '../../../kit/rate-limit.ts';
import { type DeviceReply, DeviceRequest } from '../../../protocol/enrolment-api.ts';

/** Of one socket. */
const rate = { burst: 20, perSecond: 2 };

/** What a device is answered over its socket; no message of it can do any harm. */
export function answers(options: { state: () => object; clock: Clock }): (data: Buffer) => DeviceReply {
  const limit = new RateLimit(rate, 1);
  return (data) => {
    let id: number | null = null;
    try {
      const request = requestIn(data);
      id = request.id;
      limit.take('', options.clock.monotonic(), 'requests');
      return { id, success: request.method === 'state' ? options.state() : {} };
    } catch (error) {
      return { id, error: { code: codeOf(error), message: messageOf(error) } };
    }
  };
}

/** Throws `bad-request`. */
function requestIn(data: Buffer): DeviceRequest {
  const request = jsonIn(data.toString('utf8'));
  if (Value.Check(DeviceRequest, request)) return request;
  throw new Problem('bad-request', 'only { id, method: "ping" or "state" } is understood here', {
    status: 400,
  });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
