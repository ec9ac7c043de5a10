import { Type } from 'typebox';
import { Problem } from '../../kit/runtime/errors.ts';
import type { HttpApp } from '../../kit/http/http-server.ts';
import {
  accessLimits,
  AppList,
  InviteRequest,
  type PersonView,
  type SessionNode,
} from '../../protocol/access-api.ts';
import type { Person, People } from '../sessions/people.ts';
import type { Session, Sessions } from '../sessions/sessions.ts';
import type { Guard } from './guard.ts';
import type { Apps } from '../sessions/apps.ts';
import type { Audit } from '../sessions/audit.ts';

export const byId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });

export interface PeopleRoutesOptions {
  guard: Guard;
  people: People;
  sessions: Sessions;
  apps: Apps;
  audit: Audit;
}

/** Who is let in: people, the tree of sessions, and the apps that may ask. */
export function peopleRoutes(
  app: HttpApp,
  { guard, people, sessions, apps, audit }: PeopleRoutesOptions,
): void {
  const bodyLimit = accessLimits.formBytes;
  const person = { config: { admission: 'person' }, bodyLimit } as const;
  const owner = { config: { admission: 'owner' }, bodyLimit } as const;
  const lasting = { ...owner, config: { ...owner.config, recentProof: true } } as const;

  app.get('/api/people', owner, async (): Promise<{ people: PersonView[] }> => ({ people: people.all() }));

  app.post('/api/people', { ...lasting, schema: { body: InviteRequest } }, async (request, reply) => {
    const invited = audit.commit(
      { ...guard.by(request), action: 'person-invited', what: request.body.name },
      () => people.invite(request.body),
    );
    return reply.status(201).send(invited);
  });

  app.delete('/api/people/:id', { ...lasting, schema: { params: byId } }, async (request, reply) => {
    audit.commit(
      ({ name }: Person) => ({ ...guard.by(request), action: 'person-removed', what: name }),
      () => people.remove(request.params.id, guard.by(request)),
    );
    return reply.status(204).send();
  });

  /** An owner sees everybody's sessions, others their own. */
  const seenBy = ({ id, role }: { id: string; role: string }): Session[] =>
    sessions.all(role === 'owner' ? undefined : id);

  app.get('/api/sessions', person, async (request): Promise<{ sessions: SessionNode[] }> => {
    const who = guard.who(request);
    return {
      sessions: seenBy(who.person).map((session) => ({
        ...shown(session),
        current: session.id === who.session.id,
      })),
    };
  });

  app.delete('/api/sessions/:id', { ...person, schema: { params: byId } }, async (request, reply) => {
    const { id } = request.params;
    const seen = seenBy(guard.who(request).person).some((session) => session.id === id);
    if (!seen || sessions.end(id, guard.by(request)).length === 0)
      throw new Problem('not-found', 'there is no such session; it may be over', { status: 404 });
    return reply.status(204).send();
  });

  app.get('/api/apps', person, async (): Promise<AppList> => ({ apps: [...apps.all] }));

  app.put('/api/apps', { ...lasting, schema: { body: AppList } }, async (request): Promise<AppList> => {
    apps.replace(request.body.apps, () => {
      // Who is not on the list has nothing to do here any more.
      for (const { id, clientId } of sessions.all())
        if (clientId !== null && apps.named(clientId) === undefined) sessions.end(id, guard.by(request));
      const names = apps.all.map(({ name }) => name);
      audit.record({ ...guard.by(request), action: 'apps-changed', what: names.join(', ') });
    });
    return { apps: [...apps.all] };
  });
}

/** As much of a session as those see who may end it. */
export function shown(session: Session): Omit<SessionNode, 'current'> {
  const { id, parentId, kind, label, personId, createdAt, lastSeenAt, lastAddress, expiresAt } = session;
  return { id, parentId, kind, label, personId, createdAt, lastSeenAt, lastAddress, expiresAt };
}
