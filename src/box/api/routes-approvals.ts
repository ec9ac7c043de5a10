import type { RouteShorthandOptions } from 'fastify';
import { Type } from 'typebox';
import type { HttpApp } from '../../kit/http/http-server.ts';
import { accessLimits } from '../../protocol/access-api.ts';
import { type ApprovalsView, DecideRequest } from '../../protocol/approvals-api.ts';
import type { AuditView } from '../../protocol/audit-api.ts';
import { byId } from './routes-people.ts';
import type { Guard } from './guard.ts';
import type { Approvals } from '../sessions/approvals.ts';
import type { Audit } from '../sessions/audit.ts';

/** Entries older than the one with this id; absent: the youngest. */
export const auditPage = Type.Object({ before: Type.Optional(Type.Integer({ minimum: 0 })) });

export interface ApprovalRoutesOptions {
  guard: Guard;
  approvals: Approvals;
  audit: Audit;
}

/** What owners answer to those who wait, and the audit log. */
export function approvalRoutes(app: HttpApp, { guard, approvals, audit }: ApprovalRoutesOptions): void {
  const owner = { config: { admission: 'owner' }, bodyLimit: accessLimits.formBytes } as const;

  app.get('/api/approvals', owner, async (): Promise<ApprovalsView> => approvals.view());

  // A no lets nobody in, and an owner who is in a hurry must be able to say it.
  const lasting = {
    ...owner,
    config: { ...owner.config, recentProof: ({ body }) => (body as DecideRequest).allow },
  } as const satisfies RouteShorthandOptions;
  app.post(
    '/api/approvals/:id',
    { ...lasting, schema: { params: byId, body: DecideRequest } },
    async (request, reply) => {
      const { person } = guard.who(request);
      approvals.decide(request.params.id, request.body.allow, person, guard.visitor(request).address);
      return reply.status(204).send();
    },
  );

  app.delete('/api/approvals/:id', { ...owner, schema: { params: byId } }, async (request, reply) => {
    const { person } = guard.who(request);
    approvals.forget(request.params.id, person.name, guard.visitor(request).address);
    return reply.status(204).send();
  });

  app.get(
    '/api/audit',
    { ...owner, schema: { querystring: auditPage } },
    async (request): Promise<AuditView> => ({
      entries: audit.read(request.query.before),
    }),
  );
}
