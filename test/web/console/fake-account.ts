import type { FastifyInstance } from 'fastify';
import type { ProofMethod, ProofRequest } from '../../../src/protocol/account-api.ts';
import { challenge, refuse, right } from './fake-answers.ts';

/** What the real box wants recent proof for, as far as tests come to it. */
export const lasting =
  /^\w+ \/api\/(passkeys|people|apps|settings|backup|restore|reset|recovery-code|second-factor|update\/(?!check))/;

/** How a person comes in, and that it is still they. */
export function serveAccount(app: FastifyInstance, known: { proofBy: readonly ProofMethod[] }): void {
  app.get('/api/proof', async (_request, reply) =>
    known.proofBy.length > 0
      ? refuse(reply, 403, 'proof-needed', { by: known.proofBy })
      : reply.status(204).send(),
  );
  app.post<{ Body: ProofRequest }>('/api/proof', async ({ body }, reply) => {
    if (body.password !== right.password) return refuse(reply, 401, 'wrong-name-or-password');
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
}
