import type { AuthenticationResponseJSON } from '@simplewebauthn/server';
import { Type } from 'typebox';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import { accessLimits } from '../../../protocol/access-api.ts';
import { ProofRequest } from '../../../protocol/account-api.ts';
import { passkeyOrigin, passkeyResponse } from './routes-passkeys.ts';
import { deviceOf } from '../../visitor.ts';
import type { Guard } from '../../api/guard.ts';
import type { SignIns } from './sign-ins.ts';
import type { Passkeys } from './passkeys.ts';
import type { RecentProof } from '../../sessions/recent-proof.ts';
import type { ZoneNames } from '../../../protocol/names.ts';
import type { Audit } from '../../sessions/audit.ts';

export interface ProofRoutesOptions {
  guard: Guard;
  signIns: SignIns;
  passkeys: Passkeys;
  recentProof: RecentProof;
  names: ZoneNames;
  audit: Audit;
}

/** Proving once more that it is oneself, for what wants recent proof. */
export function proofRoutes(app: HttpApp, options: ProofRoutesOptions): void {
  const { guard, signIns, passkeys, recentProof, names, audit } = options;
  const person = { config: { admission: 'person' }, bodyLimit: accessLimits.formBytes } as const;

  /** For a page that is about to send much: asked first, nothing is sent in vain. */
  app.get('/api/proof', person, async (request, reply) => {
    guard.requireRecentProof(request);
    return reply.status(204).send();
  });

  app.post('/api/proof', { ...person, schema: { body: ProofRequest } }, async (request, reply) => {
    const { person, session } = guard.who(request);
    const caller = { ...guard.visitor(request), device: deviceOf(request) };
    await signIns.prove(request.body, person, session.id, caller);
    return reply.status(204).send();
  });

  app.post('/api/proof/passkey/options', person, async (request) => {
    const { person, session } = guard.who(request);
    return passkeys.optionsToProve(person, session.id);
  });

  const body = Type.Object({ response: passkeyResponse });
  app.post('/api/proof/passkey', { ...person, schema: { body } }, async (request, reply) => {
    const { person, session } = guard.who(request);
    const response = request.body.response as unknown as AuthenticationResponseJSON;
    const origin = passkeyOrigin(request, names);
    await passkeys.prove(person, session.id, response, origin).catch((error: unknown) => {
      audit.note({ action: 'login-failed', who: person.name, address: guard.visitor(request).address });
      throw error;
    });
    recentProof.mark(session.id);
    return reply.status(204).send();
  });
}
