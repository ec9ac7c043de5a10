import type { FastifyRequest } from 'fastify';
import type { HttpApp } from '../kit/http/http-server.ts';
import type { AuditAction } from '../protocol/audit-api.ts';
import type { AuditNote } from './audit-notes.ts';

/*
 * What passes between the parts of the box beside facts (facts.ts): the calls that a part offers, and what such a call may ask
 * about who makes it. docs/ARCHITECTURE.md says which part may import which; these are how the others meet.
 */

/** Behind the console it is a person with a session; over the control socket it is root, who may do anything. */
export interface CallGuard {
  /** Throws when whoever sent the request may no longer do it: right before a change that is not made in the handler's first step. */
  still(request: FastifyRequest): void;
  /** The event of a change that is made outside of the store of sessions, to be written with it (audit-notes.ts). */
  note(request: FastifyRequest, action: AuditAction): AuditNote;
  /** Writes down at once what changes nothing. Throws `storage-failed`: what cannot be written down is not done. */
  record(request: FastifyRequest, action: AuditAction): void;
}

/**
 * The calls of a part, as one Fastify plugin: mounted below `/api` for the console, where each call says who may make it
 * (api/guard.ts), and at the root of the control socket for `porchlight` on the box.
 */
export type PartRoutes = (app: HttpApp, options: { guard: CallGuard }) => void | Promise<void>;
