import { Problem } from '../kit/runtime/errors.ts';
import { isBoxId, pairingPaths } from '../protocol/constants.ts';
import type {
  AuthoriseAnswer,
  AuthorisePending,
  AuthoriseRequest,
  ServerInfo,
} from '../protocol/pairing-api.ts';
import { type Asking, askJson } from './answers.ts';
import { isUuid4 } from './pairing-memory.ts';
import { shownName } from './shown-name.ts';

/** A redirect could take the client id to another server. */
const own = { redirect: 'error' } as const;

/** Through the tunnel a box does not say which one it is: its names do (`remote.<box id>.<zone root>`). */
const boxIdIn = (origin: string): string =>
  new URL(origin).hostname.split('.').find((label) => isBoxId(label)) ?? '';

/** Who is there, as it says itself. Throws `bad-answer`, and what `askJson` throws. */
export async function serverInfo(origin: string, asking: Asking): Promise<ServerInfo> {
  const { value } = await askJson(origin + pairingPaths.info, own, asking);
  const { serverId, boxId, name, v } = (value ?? {}) as Record<keyof ServerInfo, unknown>;
  if (!isUuid4(serverId) || ![boxId, name, v].every((text) => typeof text === 'string'))
    throw badAnswer('it does not say who it is');
  return { serverId, boxId: String(boxId) || boxIdIn(origin), name: shownName(name), v: String(v) };
}

/**
 * Asks to be let in. Throws `client-refused`, `approval-expired`, `only-at-home`, `not-claimed`, `rate-limited`,
 * `bad-answer`, and what `askJson` throws.
 */
export async function authorise(
  origin: string,
  body: AuthoriseRequest,
  asking: Asking,
): Promise<AuthoriseAnswer | AuthorisePending> {
  const sent = {
    ...own,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const { value } = await askJson(origin + pairingPaths.authorise, sent, asking);
  const said = (value ?? {}) as Record<keyof (AuthoriseAnswer & AuthorisePending), unknown>;
  const { accessToken, expiresIn, serverId, status, code, retryAfterSeconds } = said;
  if (status === 'pending' && typeof code === 'string')
    return { status, code: code.slice(0, 16), retryAfterSeconds: pause(retryAfterSeconds) };
  const isToken = typeof accessToken === 'string' && /^[\w-]{16,200}$/.test(accessToken);
  if (!isToken || !Number.isInteger(expiresIn) || !isUuid4(serverId))
    throw badAnswer('there is no token in it');
  return { accessToken, expiresIn: Number(expiresIn), tokenType: 'Bearer', serverId };
}

/** Seconds, of which a server cannot make none or for ever. */
const pause = (seconds: unknown): number =>
  Math.min(60, Math.max(1, Number.isInteger(seconds) ? Number(seconds) : 1));

function badAnswer(why: string): Problem {
  return new Problem('bad-answer', `what answers there is no box, or one of another version: ${why}`, {
    status: 502,
  });
}
