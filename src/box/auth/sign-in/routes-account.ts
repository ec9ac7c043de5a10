import type { FastifyRequest } from 'fastify';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import { accessLimits } from '../../../protocol/access-api.ts';
import {
  CodeRequest,
  type OtherAccessView,
  RecoverLookRequest,
  type SecondFactorView,
  type TotpView,
} from '../../../protocol/account-api.ts';
import type { AuditAction } from '../../../protocol/audit-api.ts';
import type { AuditedAction, Audit } from '../../sessions/audit.ts';
import { deviceOf } from '../../visitor.ts';
import type { Guard } from '../../api/guard.ts';
import type { SignIns } from './sign-ins.ts';
import type { People } from '../../sessions/people.ts';
import type { SecondFactors } from './second-factors.ts';
import type { OtherAccess } from './other-access.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';

export interface AccountRoutesOptions {
  guard: Guard;
  signIns: SignIns;
  people: People;
  secondFactors: SecondFactors;
  otherAccess: OtherAccess;
  boxName: Fact<string>;
  audit: Audit;
}

/** How a person comes in: the second factor, the recovery code, and what else lets somebody in. */
export function accountRoutes(app: HttpApp, options: AccountRoutesOptions): void {
  const { guard, signIns, people, secondFactors, otherAccess, boxName, audit } = options;
  const bodyLimit = accessLimits.formBytes;
  const open = { config: { admission: 'open' }, bodyLimit } as const;
  const person = { config: { admission: 'person' }, bodyLimit } as const;
  const lasting = { ...person, config: { ...person.config, recentProof: true } } as const;
  const audited = (request: FastifyRequest, action: AuditAction): AuditedAction => ({
    action,
    ...guard.by(request),
  });

  app.get('/api/second-factor', person, async (request): Promise<SecondFactorView> =>
    secondFactors.view(guard.who(request).person.id),
  );

  app.post('/api/second-factor/totp', lasting, async (request): Promise<TotpView> => {
    const { person, session } = guard.who(request);
    return secondFactors.begin(person, session.id, boxName.value);
  });

  const confirm = { ...lasting, schema: { body: CodeRequest } };
  app.put('/api/second-factor/totp', confirm, async (request, reply) => {
    const { person, session } = guard.who(request);
    await secondFactors.confirm(person, session.id, request.body.code, {
      still: () => guard.still(request),
      record: () => audit.record(audited(request, 'second-factor-on')),
    });
    return reply.status(204).send();
  });

  app.put('/api/second-factor', lasting, async (request, reply) => {
    audit.commit(audited(request, 'second-factor-on'), () =>
      secondFactors.requirePasskey(guard.who(request).person.id),
    );
    return reply.status(204).send();
  });

  app.delete('/api/second-factor', lasting, async (request, reply) => {
    audit.commit(audited(request, 'second-factor-off'), () =>
      secondFactors.off(guard.who(request).person.id),
    );
    return reply.status(204).send();
  });

  app.post('/api/recovery-code', lasting, async (request, reply) => {
    const recoveryCode = audit.commit(audited(request, 'recovery-code-made'), () =>
      people.newRecoveryCode(guard.who(request).person.id),
    );
    return reply.status(201).send({ recoveryCode });
  });

  app.get('/api/account/access', person, async (request): Promise<OtherAccessView> => ({
    items: otherAccess.of(guard.who(request).person),
  }));

  const look = { ...open, schema: { body: RecoverLookRequest } };
  app.post('/api/recover/access', look, async (request): Promise<OtherAccessView> => {
    const caller = { ...guard.visitor(request), device: deviceOf(request) };
    return { items: otherAccess.of(await signIns.mayRecover(request.body, caller)) };
  });
}
