import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import { accessLimits } from '../../../protocol/access-api.ts';
import type { ZoneNames } from '../../../protocol/names.ts';
import { setCookie, type Guard } from '../../api/guard.ts';
import { isZoneHost, originAt } from '../../origins.ts';
import { deviceOf } from '../../visitor.ts';
import type { SignIns } from './sign-ins.ts';
import type { Passkeys } from './passkeys.ts';
import type { SecondFactors } from './second-factors.ts';
import type { Audit } from '../../sessions/audit.ts';

const text = Type.String({ maxLength: accessLimits.formBytes });
/** As far as it is ours to look at; the rest is the library's to verify. */
export const passkeyResponse = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 1400 }),
  rawId: text,
  type: Type.Literal('public-key'),
  response: Type.Object({ clientDataJSON: text }),
  clientExtensionResults: Type.Object({}),
});
const AddBody = Type.Object({
  label: Type.String({ minLength: 1, maxLength: 63 }),
  response: passkeyResponse,
});
const SignInBody = Type.Object({ response: passkeyResponse });

/**
 * The page that calls is the one that asked the person: its origin must be in what the authenticator signed. Throws
 * `passkey-refused` under a name that passkeys are not for.
 */
export function passkeyOrigin(request: FastifyRequest, names: ZoneNames): string {
  if (isZoneHost(request.host, names)) return originAt(request.host);
  const message = 'passkeys belong to the box’s public name; open the box under that one';
  throw new Problem('passkey-refused', message, { status: 401 });
}

export interface PasskeyRoutesOptions {
  guard: Guard;
  signIns: SignIns;
  passkeys: Passkeys;
  secondFactors: SecondFactors;
  names: ZoneNames;
  audit: Audit;
}

/** Adding passkeys, and signing in with one. */
export function passkeyRoutes(
  app: HttpApp,
  { guard, signIns, passkeys, secondFactors, names, audit }: PasskeyRoutesOptions,
): void {
  const bodyLimit = accessLimits.formBytes;
  const open = { config: { admission: 'open' }, bodyLimit } as const;
  const person = { config: { admission: 'person' }, bodyLimit } as const;
  const lasting = { ...person, config: { ...person.config, recentProof: true } } as const;

  app.get('/api/passkeys', person, async (request) => ({
    passkeys: passkeys.of(guard.who(request).person.id),
  }));

  app.post('/api/passkeys/options', lasting, async (request) => {
    const { person, session } = guard.who(request);
    return passkeys.optionsToAdd(person, session.id);
  });

  app.post('/api/passkeys', { ...lasting, schema: { body: AddBody } }, async (request, reply) => {
    const { person, session } = guard.who(request);
    const added = await passkeys.add({
      person,
      sessionId: session.id,
      label: request.body.label,
      origin: passkeyOrigin(request, names),
      response: request.body.response as unknown as RegistrationResponseJSON,
      still: () => guard.still(request),
      record: (what) => audit.record({ ...guard.by(request), action: 'passkey-added', what }),
    });
    return reply.status(201).send(added);
  });

  const byId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });
  app.delete('/api/passkeys/:id', { ...lasting, schema: { params: byId } }, async (request, reply) => {
    const { person } = guard.who(request);
    // Else the password would be enough again without a word.
    const { on, totp } = secondFactors.view(person.id);
    if (on && !totp && passkeys.of(person.id).length === 1) throw lastSecondFactor();
    audit.commit({ ...guard.by(request), action: 'passkey-removed' }, () =>
      passkeys.remove(person.id, request.params.id),
    );
    return reply.status(204).send();
  });

  app.post('/api/login/passkey/options', open, async () => passkeys.optionsToSignIn());

  app.post('/api/login/passkey', { ...open, schema: { body: SignInBody } }, async (request, reply) => {
    const response = request.body.response as unknown as AuthenticationResponseJSON;
    const visitor = guard.visitor(request);
    const found = await passkeys.signIn(response, passkeyOrigin(request, names)).catch((error: unknown) => {
      audit.note({ action: 'login-failed', who: '', address: visitor.address });
      throw error;
    });
    setCookie(reply, signIns.enter(found, { ...visitor, device: deviceOf(request) }));
    return reply.status(204).send();
  });
}

const lastSecondFactor = (): Problem =>
  new Problem(
    'last-second-factor',
    'this is the last passkey, and your account wants one beside the password; switch that off first',
    { status: 409 },
  );
