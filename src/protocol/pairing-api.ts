import { type Static, Type } from 'typebox';
import { approvalLimits } from './approvals-api.ts';
import { pairingLimits } from './constants.ts';

/**
 * Client authorisation: a program that made itself an id asks to be let in, an owner answers once, and from then on the id is
 * traded for short-lived access tokens. Plain paths on every name of the box, JSON, CORS for the apps on the owner's list.
 * Errors are `{ code, message, … }`. The socket `/w` takes the token as `Authorization: Bearer <token>` or, from browsers, as
 * the second of the subprotocols `porchlight, token.<token>`, and answers 403 in HTTP without a good one.
 */

export { pairingLimits, pairingPaths, pairingProtocol, tokenProtocolPrefix } from './constants.ts';

/** RFC 9562, 5.4; digits in either case (4). */
const Uuid4 = Type.String({
  pattern: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$',
});

/** `GET /info`. `serverId` was made at the box's first start: another one is another box, or one that was reset. */
export const ServerInfo = Type.Object({
  serverId: Uuid4,
  /** Empty for who comes through the tunnel, who knows it by the name they came by; and `Porchlight` for the name. */
  boxId: Type.String(),
  name: Type.String(),
  /** Version of the protocol, `major.minor`. */
  v: Type.String(),
});
export type ServerInfo = Static<typeof ServerInfo>;

/** `POST /authorise`, and the same at `/auth`. The client id is a secret: whoever has it is that client. */
export const AuthoriseRequest = Type.Object({
  clientId: Uuid4,
  /** What the owner is shown; else what the User-Agent tells. */
  name: Type.Optional(Type.String({ minLength: 1, maxLength: approvalLimits.labelMax })),
  kind: Type.Optional(Type.Enum(['client', 'agent'])),
  /** Seconds that the call may wait for the owner's answer. */
  wait: Type.Optional(Type.Integer({ minimum: 0, maximum: pairingLimits.waitSeconds })),
});
export type AuthoriseRequest = Static<typeof AuthoriseRequest>;

/** 200: a client that an owner has allowed. */
export const AuthoriseAnswer = Type.Object({
  accessToken: Type.String(),
  /** Seconds. */
  expiresIn: Type.Integer(),
  tokenType: Type.Literal('Bearer'),
  serverId: Uuid4,
});
export type AuthoriseAnswer = Static<typeof AuthoriseAnswer>;

/** 202: an owner is being asked; call again. Another `code` than before is another question: the first was not answered. */
export const AuthorisePending = Type.Object({
  status: Type.Literal('pending'),
  /** The owner sees the same four characters. */
  code: Type.String(),
  retryAfterSeconds: Type.Integer(),
});
export type AuthorisePending = Static<typeof AuthorisePending>;

/** The first message over `/w`. Those that follow are `BoxEvent`s: `token` in time before the last one ends. */
export const SocketDetails = Type.Object({
  type: Type.Literal('socket'),
  /** Of this connection. */
  id: Type.String(),
  serverId: Uuid4,
  sessionId: Type.String(),
  /** As the owner's list of sessions has it. */
  clientLabel: Type.String(),
  /** Of the token it was opened with, seconds. */
  expiresIn: Type.Integer(),
});
export type SocketDetails = Static<typeof SocketDetails>;
