import type { FastifyInstance } from 'fastify';
import type {
  CodeRequest,
  OtherAccessItem,
  ProofMethod,
  ProofRequest,
  SecondFactorView,
} from '../../../src/protocol/account-api.ts';
import { challenge, refuse, right } from './fake-answers.ts';

/** What the real box wants recent proof for, as far as tests come to it. */
export const lasting =
  /^\w+ \/api\/(passkeys|people|apps|settings|backup|restore|reset|recovery-code|second-factor|update\/(?!check))/;

export interface KnownAccount {
  /** By what the person has to prove who they are, before what outlives the session; empty: they did lately. */
  proofBy: readonly ProofMethod[];
  secondFactor: SecondFactorView;
  /** What else lets somebody in. */
  access: OtherAccessItem[];
}

const hour = 3_600_000;
export const usualAccount = (now: number): KnownAccount => ({
  proofBy: [],
  secondFactor: { on: false, totp: false, passkeys: true },
  access: [
    { id: 'passkey:k1', kind: 'passkey', label: 'My phone', at: now - 3 * hour },
    { id: 'totp', kind: 'totp', label: '', at: now - 900 * hour },
    { id: 'session:s3', kind: 'agent', label: 'Porchlight agent · desk', at: now - hour },
    { id: 'invitation:p3', kind: 'invitation', label: 'Mallory', at: now - hour },
    { id: 'listed:recipes', kind: 'listed', label: 'Recipes', at: null },
  ],
});

/** What the password of somebody with a second factor wants beside it; `undefined`: it is there. */
export function besideFault(
  known: KnownAccount,
  { code }: { code?: string },
): { code: string; by?: string[] } | undefined {
  if (!known.secondFactor.on || code === right.code) return undefined;
  return code === undefined ? { code: 'second-factor-needed', by: ['totp'] } : { code: 'wrong-code' };
}

/** How a person comes in, and that it is still they. */
export function serveAccount(app: FastifyInstance, known: KnownAccount): void {
  app.get('/api/proof', async (_request, reply) =>
    known.proofBy.length > 0
      ? refuse(reply, 403, 'proof-needed', { by: known.proofBy })
      : reply.status(204).send(),
  );
  app.post<{ Body: ProofRequest }>('/api/proof', async ({ body }, reply) => {
    if (body.password !== right.password) return refuse(reply, 401, 'wrong-name-or-password');
    const fault = besideFault(known, body);
    if (fault !== undefined) return refuse(reply, 401, fault.code, fault);
    known.proofBy = [];
    return reply.status(204).send();
  });
  app.post('/api/proof/passkey/options', async () => ({ challenge, rpId: 'localhost', timeout: 5000 }));
  app.post('/api/proof/passkey', async (_request, reply) => {
    known.proofBy = [];
    return reply.status(204).send();
  });
  app.put<{ Body: { current: string } }>('/api/password', async ({ body }, reply) =>
    body.current === right.password ? reply.status(204).send() : refuse(reply, 401, 'wrong-name-or-password'),
  );
  app.get('/api/second-factor', async () => known.secondFactor);
  app.post('/api/second-factor/totp', async () => ({
    secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
    uri: 'otpauth://totp/Living%20room:Ada?issuer=Living%20room&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=SHA1&digits=6&period=30',
  }));
  app.put<{ Body: CodeRequest }>('/api/second-factor/totp', async ({ body }, reply) => {
    if (body.code !== right.code) return refuse(reply, 401, 'wrong-code');
    known.secondFactor = { ...known.secondFactor, on: true, totp: true };
    return reply.status(204).send();
  });
  app.put('/api/second-factor', async (_request, reply) => {
    known.secondFactor = { ...known.secondFactor, on: true };
    return reply.status(204).send();
  });
  app.delete('/api/second-factor', async (_request, reply) => {
    known.secondFactor = { ...known.secondFactor, on: false, totp: false };
    return reply.status(204).send();
  });
  app.post('/api/recovery-code', async (_request, reply) =>
    reply.status(201).send({ recoveryCode: right.recoveryCode }),
  );
  app.get('/api/account/access', async () => ({ items: known.access }));
  app.post<{ Body: { recoveryCode: string } }>('/api/recover/access', async ({ body }, reply) =>
    body.recoveryCode === right.recoveryCode
      ? { items: known.access }
      : refuse(reply, 401, 'wrong-recovery-code'),
  );
}
