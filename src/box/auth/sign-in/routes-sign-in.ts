import type { FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import {
  accessLimits,
  FirstRunRequest,
  JoinRequest,
  PasswordSignInRequest,
  PasswordRequest,
  RecoverRequest,
  type SessionView,
} from '../../../protocol/access-api.ts';
import { setCookie, type Guard } from '../../api/guard.ts';
import { isZoneHost } from '../../origins.ts';
import type { Caller, SignIns } from './sign-ins.ts';
import { deviceOf } from '../../visitor.ts';
import { unnamed } from '../../visitor.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';
import type { ZoneNames } from '../../../protocol/names.ts';
import type { People } from '../../sessions/people.ts';
import type { Sessions } from '../../sessions/sessions.ts';
import type { Passkeys } from './passkeys.ts';
import type { SecondFactors } from './second-factors.ts';

export interface SignInRoutesOptions {
  boxId: string;
  boxName: Fact<string>;
  names: ZoneNames;
  cannotSave: () => SessionView['cannotSave'];
  guard: Guard;
  signIns: SignIns;
  people: People;
  sessions: Sessions;
  passkeys: Passkeys;
  secondFactors: SecondFactors;
}

/** First run, sign-in, and what the console asks first. */
export function signInRoutes(app: HttpApp, options: SignInRoutesOptions): void {
  const { guard, signIns, people, sessions, passkeys, secondFactors } = options;
  const bodyLimit = accessLimits.formBytes;
  const open = { config: { admission: 'open' }, bodyLimit } as const;
  const person = { config: { admission: 'person' }, bodyLimit } as const;
  const caller = (request: FastifyRequest): Caller => ({
    ...guard.visitor(request),
    device: deviceOf(request),
  });
  app.get('/api/session', open, async (request, reply): Promise<SessionView> => {
    const who = guard.visit(request);
    const claimed = people.claimed.value;
    if (who !== undefined) guard.renewCookie(request, reply);
    const inZone = isZoneHost(request.host, options.names);
    const { through } = guard.visitor(request);
    const told = who !== undefined || through === 'home';
    const cannotSave = options.cannotSave();
    return {
      stage: who !== undefined ? 'in' : claimed ? 'login' : 'first-run',
      boxName: told ? options.boxName.value : unnamed.name,
      boxId: told ? options.boxId : unnamed.boxId,
      through,
      person: who?.person ?? null,
      csrf: who === undefined ? null : (guard.csrf(request) ?? null),
      passkeys: inZone && (who !== undefined || passkeys.any()),
      ...(cannotSave === undefined ? {} : { cannotSave }),
    };
  });

  app.post('/api/first-run', { ...open, schema: { body: FirstRunRequest } }, async (request, reply) =>
    letIn(reply, await signIns.firstRun(request.body, caller(request))),
  );

  app.post('/api/login', { ...open, schema: { body: PasswordSignInRequest } }, async (request, reply) => {
    setCookie(reply, await signIns.signIn(request.body, caller(request)));
    return reply.status(204).send();
  });

  app.post('/api/recover', { ...open, schema: { body: RecoverRequest } }, async (request, reply) =>
    letIn(reply, await signIns.recover(request.body, caller(request))),
  );

  app.post('/api/join', { ...open, schema: { body: JoinRequest } }, async (request, reply) =>
    letIn(reply, await signIns.join(request.body, caller(request))),
  );

  // The password of now is in its body; what is wanted beside it is not.
  const beside: RouteShorthandOptions = {
    ...person,
    config: {
      ...person.config,
      recentProof: (request) => secondFactors.of(guard.who(request).person.id).length > 0,
    },
  };
  app.put('/api/password', { ...beside, schema: { body: PasswordRequest } }, async (request, reply) => {
    const who = guard.who(request);
    await signIns.changePassword(request.body, who, caller(request), () => guard.still(request));
    return reply.status(204).send();
  });

  app.post('/api/logout', person, async (request, reply) => {
    const { session, person } = guard.who(request);
    const { address } = guard.visitor(request);
    sessions.end(session.id, { action: 'logged-out', who: person.name, address });
    setCookie(reply, '');
    return reply.status(204).send();
  });
}

function letIn(reply: FastifyReply, entry: { cookie: string; recoveryCode: string }): FastifyReply {
  setCookie(reply, entry.cookie);
  return reply.status(201).send({ recoveryCode: entry.recoveryCode });
}
