import type { IncomingMessage } from 'node:http';
import { codeOf, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { lowerAscii } from '../../kit/http/http-text.ts';
import type { PublishedService } from './published-services.ts';
import { headLimitBytes } from './service-connection.ts';

/* What can go wrong with a service, told as what it is. */

/** Nothing listens there, or nothing can be reached: only then there is reason to ask whether it runs. */
const unreachable = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

const notRunning = ({ label, target }: PublishedService, cause?: unknown): Problem =>
  new Problem(
    'service-not-answering',
    `the service “${label}” does not answer: nothing listens at ${target} on the box; is it running?`,
    { status: 502, cause },
  );

export const tooSlow = ({ label, answerTimeoutMs }: PublishedService): Problem =>
  new Problem(
    'service-too-slow',
    `the service “${label}” took too long: it did not begin to answer within ${answerTimeoutMs / 1000} seconds; try again later, or give it more time with web.service-timeouts`,
    { status: 504 },
  );

export const bodyTooSlow = (): Problem =>
  new Problem('body-too-slow', 'nothing more came of the request; send it again', { status: 408 });

/** What an error before the head of an answer means. `connected`: the service had taken the connection. */
export function faultOf(service: PublishedService, error: Error, connected: boolean): Problem {
  const code = codeOf(error);
  if (!connected || unreachable.has(code)) return notRunning(service, error);
  if (code === 'HPE_HEADER_OVERFLOW')
    return wrongAnswer(
      service,
      `the headers of its answer are larger than ${headLimitBytes / 1024} kB`,
      error,
    );
  if (code.startsWith('HPE_')) {
    const { rawPacket } = error as { rawPacket?: Buffer };
    // Type and version of a TLS record (RFC 8446, 5.1).
    const tls =
      rawPacket?.[0] !== undefined && rawPacket[0] >= 0x14 && rawPacket[0] <= 0x17 && rawPacket[1] === 3;
    const what = tls ? 'it speaks TLS there, not plain HTTP' : `its answer is not HTTP (${messageOf(error)})`;
    return wrongAnswer(service, what, error);
  }
  return wrongAnswer(service, 'it closed the connection before it had answered', error);
}

/**
 * What is wrong with the head of an answer. A service may say any three digits. What is none of HTTP's (RFC 9110, 15), or a
 * change of protocol that nobody asked for, is told to no visitor: Node throws at it, and that would be the end of the box.
 */
export function faultIn(service: PublishedService, answer: IncomingMessage): Problem | undefined {
  const { statusCode = 0, headers } = answer;
  if (statusCode === 101) return wrongAnswer(service, 'it changed the protocol, which nobody had asked for');
  if (statusCode < 200 || statusCode > 599)
    return wrongAnswer(service, `it answered with the status ${statusCode}, which HTTP does not have`);
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && lowerAscii(coding) !== 'chunked')
    return wrongAnswer(service, `it sent its answer in a coding that nobody had asked for (${coding})`);
  return undefined;
}

export const wrongAnswer = ({ label }: PublishedService, what: string, cause?: unknown): Problem =>
  new Problem(
    'service-answer-wrong',
    `the service “${label}” runs, but its answer cannot be passed on: ${what}; look into its log`,
    { status: 502, cause },
  );
