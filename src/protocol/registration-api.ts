import { type Static, Type } from 'typebox';
import { boxIdSchemaPattern } from './names.ts';

export { sharedAddressHeader } from './constants.ts';

/** Registration API: where a box announces its URLs and an app asks which boxes share its public address. */

export const registrationLimits = {
  messageBytes: 4096,
  bodyBytes: 8192,
  /** A record lives this long past its last announcement. */
  lifetimeSeconds: 120,
  /** More boxes than this behind one address: a shared address (CGNAT, office), where boxes are not listed unasked. */
  handful: 5,
} as const;

const origin = Type.String({ pattern: '^https://[a-z0-9.-]{1,253}(:[1-9][0-9]{0,4})?$', maxLength: 270 });

/** The JSON inside `message`. Every origin lies in the announcing box's own zone. */
export const Announcement = Type.Object({
  v: Type.String({ maxLength: 8 }),
  name: Type.String({ minLength: 1, maxLength: 63 }),
  /** An owner exists. */
  claimed: Type.Boolean(),
  local_origin: origin,
  mirror_origins: Type.Array(origin, { maxItems: 8 }),
  tunnel_origin: Type.Union([origin, Type.Null()]),
  /** What an app should prefer and may say: the home's resolver drops private addresses (rebinding protection). */
  rebinding_filter: Type.Optional(Type.Boolean()),
  /** `.local` host name, for apps to offer where DNS is filtered. */
  mdns_host: Type.Optional(Type.String({ maxLength: 80, pattern: '^[a-z0-9-]+\\.local$' })),
  /** The owner opened a window in which the box is shown even behind a shared address. */
  discoverable: Type.Optional(Type.Boolean()),
});
export type Announcement = Static<typeof Announcement>;

/** Body of `POST /register` (the shape of 2016: `message` is a JSON text). What else a client says is ignored. */
export const RegisterRequest = Type.Object({
  client: Type.String({ pattern: boxIdSchemaPattern }),
  message: Type.String({ maxLength: registrationLimits.messageBytes }),
});
export type RegisterRequest = Static<typeof RegisterRequest>;

export const RegisterResponse = Type.Object({
  /** Announce again after this many seconds. */
  again_in: Type.Number({ minimum: 0, maximum: 86_400 }),
  /** The caller's address as the server sees it. */
  public_ip: Type.String(),
  /** What a person types in the app when boxes behind the address are not listed unasked. */
  short_code: Type.String(),
});
export type RegisterResponse = Static<typeof RegisterResponse>;

/** One element of the answer of `GET /ping`. `timestamp`: last announcement, seconds since the epoch. */
export const PingEntry = Type.Object({
  public_ip: Type.String(),
  client: Type.String(),
  message: Type.String(),
  timestamp: Type.Integer(),
});
export type PingEntry = Static<typeof PingEntry>;

export const arrivalLimits = {
  /** An arrival is forgotten after this long. */
  lifetimeSeconds: 300,
  /** The longest an app may ask the answer to be held back (`?wait=`). */
  waitSeconds: 20,
} as const;

/**
 * Body of `POST /arrivals` (TLS client certificate), answered 204: the box's page was reached with this one-time `state` of
 * `/connect`. An app that sent the browser there asks `GET /arrivals/{SHA-256 of the state, lower-case hex}?wait=<seconds>`
 * (open, CORS): `true` as soon as it is so, `false` at the latest after the wait. The state itself is never stored.
 */
export const ArrivalRequest = Type.Object(
  { state: Type.String({ pattern: '^[A-Za-z0-9_-]{16,128}$' }) },
  { additionalProperties: false },
);
export type ArrivalRequest = Static<typeof ArrivalRequest>;

export const ArrivalAnswer = Type.Object({ arrived: Type.Boolean() });
export type ArrivalAnswer = Static<typeof ArrivalAnswer>;
