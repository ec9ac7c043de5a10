import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Problem } from '../kit/runtime/errors.ts';
import { isSameUser } from './local-user.ts';

export interface OriginCheckOptions {
  /** Whether pages of this origin are talked to. */
  isAllowed: (origin: string) => Promise<boolean>;
  /** Of this process; `undefined` where there are no user ids. */
  uid: number | undefined;
}

/**
 * Who may speak to the agent at all: a page of an allowed origin, in a browser of the same user. Answers the origin. Throws
 * `not-a-name-of-the-agent` (421), `origin-not-allowed`, `other-user`.
 */
export async function admit(
  { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  { isAllowed, uid }: OriginCheckOptions,
): Promise<string> {
  if (!isOwnHost(headers, socket.localPort)) throw notOurName();
  const { origin } = headers;
  if (!(await isSameUser(socket, uid))) throw otherUser();
  if (origin === undefined || !(await isAllowed(origin))) throw notAllowed();
  return origin;
}

/** A name of somebody else's that leads to 127.0.0.1 (DNS rebinding) is theirs. */
function isOwnHost({ host }: IncomingHttpHeaders, port: number | undefined): boolean {
  return host === `127.0.0.1:${port}` || host === `localhost:${port}`;
}

/** RFC 9110, 15.5.20. */
const notOurName = (): Problem =>
  new Problem('not-a-name-of-the-agent', 'the agent answers under 127.0.0.1 alone', { status: 421 });

const notAllowed = (): Problem =>
  new Problem('origin-not-allowed', 'this page is of no app that a box of this agent lists', { status: 403 });

const otherUser = (): Problem =>
  new Problem('other-user', 'this agent is of another user of this computer', { status: 403 });
