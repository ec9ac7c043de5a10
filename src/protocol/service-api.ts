import { type Static, Type } from 'typebox';

/** A published service; `awaySince`: since when nothing listens there, ms since the epoch. */
export const ServiceView = Type.Object({
  label: Type.String(),
  url: Type.String(),
  awaySince: Type.Optional(Type.Number()),
});
export type ServiceView = Static<typeof ServiceView>;
