import { Type } from 'typebox';
import { Problem } from '../../kit/runtime/errors.ts';
import type { HttpApp } from '../../kit/http/http-server.ts';
import { accessLimits } from '../../protocol/access-api.ts';
import { type ApprovalsView, DecideRequest } from '../../protocol/approvals-api.ts';
import type { AuditView } from '../../protocol/audit-api.ts';
import type { ControlEnded, ControlSession, ControlSessions } from '../../protocol/control-api.ts';
import { auditPage } from './routes-approvals.ts';
import { byId, shown } from './routes-people.ts';
import type { Session, Sessions } from '../sessions/sessions.ts';
import type { People } from '../sessions/people.ts';
import type { Approvals } from '../sessions/approvals.ts';
import type { Audit } from '../sessions/audit.ts';
import { root } from '../audit-notes.ts';

export interface AccessControlOptions {
  sessions: Sessions;
  people: People;
  approvals: Approvals;
  audit: Audit;
}

/** The calls of `porchlight sessions`, `revoke`, `approvals` and `audit`. */
export function accessControl(
  app: HttpApp,
  { sessions, people, approvals, audit }: AccessControlOptions,
): void {
  const view = (session: Session): ControlSession => ({
    ...shown(session),
    person: session.personId === null ? null : (people.byId(session.personId)?.name ?? null),
  });

  app.get('/sessions', async (): Promise<ControlSessions> => ({ sessions: sessions.all().map(view) }));

  app.delete('/sessions/:id', { schema: { params: byId } }, async (request): Promise<ControlEnded> => {
    const ended = sessions.branch(request.params.id).map(view);
    sessions.end(request.params.id, { who: root });
    if (ended.length === 0) throw notFound('there is no such session; it may be over');
    return { ended };
  });

  const byName = Type.Object({ name: Type.String({ minLength: 1, maxLength: accessLimits.nameMax }) });
  app.delete(
    '/people/:name/sessions',
    { schema: { params: byName } },
    async (request): Promise<ControlEnded> => {
      const person = people.byName(request.params.name);
      if (person === undefined) throw notFound('there is no person of this name on the box');
      const ended = sessions.all(person.id).map(view);
      sessions.endAllOf(person.id, undefined, { who: root });
      return { ended };
    },
  );

  app.get('/approvals', async (): Promise<ApprovalsView> => approvals.view());

  app.post('/approvals/:id', { schema: { params: byId, body: DecideRequest } }, async (request, reply) => {
    // Whoever has the machine speaks for the owner who set it up.
    const owner = people.all().find(({ role, invited }) => role === 'owner' && !invited);
    if (owner === undefined) throw new Problem('not-claimed', 'the box has no owner yet', { status: 409 });
    approvals.decide(request.params.id, request.body.allow, { id: owner.id, name: root }, null);
    return reply.status(204).send();
  });

  app.delete('/approvals/:id', { schema: { params: byId } }, async (request, reply) => {
    approvals.forget(request.params.id, root, null);
    return reply.status(204).send();
  });

  app.get('/audit', { schema: { querystring: auditPage } }, async (request): Promise<AuditView> => ({
    entries: audit.read(request.query.before),
  }));
}

const notFound = (message: string): Problem => new Problem('not-found', message, { status: 404 });
