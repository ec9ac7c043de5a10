import { type Static, Type } from 'typebox';
import { SessionNode } from './access-api.ts';

/**
 * What `porchlight` on the box's own machine asks the running box, over the socket in its state folder. Who can open that
 * socket is root or the box's own user, and may do anything. Beside these: `GET`, `POST`, `DELETE /approvals[/{id}]` and
 * `GET /audit`, which answer as those below `/api` do.
 */

/** A session with the name of the person it is of. */
export const ControlSession = Type.Interface([Type.Omit(SessionNode, ['current'])], {
  person: Type.Union([Type.String(), Type.Null()]),
});
export type ControlSession = Static<typeof ControlSession>;

/** `GET /sessions`: children behind their parent. */
export const ControlSessions = Type.Object({ sessions: Type.Array(ControlSession) });
export type ControlSessions = Static<typeof ControlSessions>;

/** `DELETE /sessions/{id}` and `DELETE /people/{name}/sessions`: what was ended, all that was below it included. */
export const ControlEnded = Type.Object({ ended: Type.Array(ControlSession) });
export type ControlEnded = Static<typeof ControlEnded>;
