import { type Static, Type } from 'typebox';
import { TokenResponse } from './access-api.ts';
import { boxIdSchemaPattern } from './constants.ts';

/**
 * Web to local: a page on a person's computer is signed in by the agent that runs there. The page asks the agent for a
 * challenge, has the box sign it, and brings the signature back; the agent then makes a session for the page below its own.
 * Agent: plain HTTP on 127.0.0.1, JSON, CORS for the apps of its boxes. Box: under every name of it. Errors are
 * `{ code, message, … }`.
 */

export { agentBoxPaths, agentClient, agentLimits, agentLink, agentPaths, agentPorts } from './constants.ts';

const BoxId = Type.String({ pattern: boxIdSchemaPattern });
const Challenge = Type.String({ pattern: '^[A-Za-z0-9_-]{32,64}$' });
/** RSA with 2048 to 4096 bits, base64url. */
const Signature = Type.String({ pattern: '^[A-Za-z0-9_-]{342,684}$' });
const Origin = Type.String({ pattern: '^https?://[!-.0-~]{1,300}$' });

/** Agent, `GET /alive?box=<id>`: without `box`, for the one it was paired with first. */
export const AliveQuery = Type.Object({ box: Type.Optional(BoxId) });
/** The challenge works once, within 30 s, and for the agent's session at that box alone. */
export const Alive = Type.Object({ status: Type.Literal('ok'), challenge: Challenge });
export type Alive = Static<typeof Alive>;

/** Box, `POST /api/agent/challenge`, by a page of an app on the owner's list, which has no session yet. */
export const SignRequest = Type.Object({ challenge: Challenge });
export type SignRequest = Static<typeof SignRequest>;
/** `signature`: RSASSA-PSS with SHA-256 (RFC 8017, 8.1; salt of 32 bytes) by the box's identity over `signedText`. */
export const SignAnswer = Type.Object({ boxId: BoxId, signedAt: Type.Integer(), signature: Signature });
export type SignAnswer = Static<typeof SignAnswer>;

/**
 * What the box signs. The first line is in nothing else that the identity signs, and no part can hold the line feed that
 * ends it. `origin`: of the page that asked. `signedAt`: ms since the epoch.
 */
export function signedText(parts: {
  boxId: string;
  origin: string;
  challenge: string;
  signedAt: number;
}): string {
  const { boxId, origin, challenge, signedAt } = parts;
  return ['porchlight agent challenge v1', boxId, origin, challenge, signedAt, ''].join('\n');
}

/** Agent, `POST /exchange`. The page made up `deviceId` once, to be known by: who signs in again replaces what was before. */
export const ExchangeRequest = Type.Object({
  challenge: Challenge,
  signedAt: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  signature: Signature,
  deviceId: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
});
export type ExchangeRequest = Static<typeof ExchangeRequest>;

const Name = Type.String({ minLength: 1, maxLength: 63 });

/**
 * Box, `POST /api/auth/login/session`, by an agent with its access token: 201 with tokens of a new session below its own.
 * `origin`: of the page it is for, whose app must be on the owner's list; without one the session is the agent's own to use.
 * `expiredAt`: when it ends, ms since the epoch.
 */
export const SessionSignInRequest = Type.Object({
  deviceId: ExchangeRequest.properties.deviceId,
  deviceName: Name,
  platform: Name,
  expiredAt: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  origin: Type.Optional(Origin),
});
export type SessionSignInRequest = Static<typeof SessionSignInRequest>;

/** What the agent hands on to the page as its answer to `/exchange`. */
export const SessionSignInAnswer = Type.Object({
  ...TokenResponse.properties,
  sessionId: Type.String(),
  parentSessionId: Type.String(),
  expiredAt: Type.Integer(),
});
export type SessionSignInAnswer = Static<typeof SessionSignInAnswer>;

/** Box, `GET /api/agent`, by an agent: what it needs to know. `certificate`: of the identity, DER in base64. */
export const AgentView = Type.Object({
  boxId: BoxId,
  sessionId: Type.String(),
  person: Type.String(),
  /** Whose pages may ask to be signed in: those of the apps on the owner's list. */
  origins: Type.Array(Type.String()),
  certificate: Type.String({ pattern: '^[A-Za-z0-9+/=]{1,8192}$' }),
});
export type AgentView = Static<typeof AgentView>;

/** Agent, `GET /handshake`: that it is one, and which boxes it can sign this page in to. `POST /handshake/done`: 204. */
export const Handshake = Type.Object({
  agent: Type.Literal('porchlight'),
  protocol: Type.String(),
  boxes: Type.Array(Type.Object({ id: BoxId, name: Type.String() })),
});
export type Handshake = Static<typeof Handshake>;

/**
 * Agent, WebSocket `/ws?box=<id>`, which sends `alive` first; what a page may say there. The answers are `credentials` with
 * the fields of `SessionLoginAnswer`, and `error`.
 */
export const AgentSocketMessage = Type.Union([
  Type.Object({ type: Type.Literal('exchange'), ...ExchangeRequest.properties }),
  Type.Object({ type: Type.Literal('done') }),
]);
