import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { HttpsApp } from '../../kit/http/http-server.ts';
import { runHeaders, StandingAnswer, StandingRequest } from '../../protocol/run-api.ts';
import { claimOf } from '../runs/claim.ts';
import type { Claim } from '../runs/policy.ts';
import type { Runs } from '../runs/runs.ts';
import { refusal } from './zone-rules.ts';

const ZonePath = Type.Object({ boxId: Type.String({ maxLength: 100 }) });

/** How the runs of a box stand: the calls by which a copied card is found out (protocol/run-api.ts). */
export function runRoutes(app: HttpsApp, { runs }: { runs: Runs }): void {
  const path = '/v1/zones/:boxId/run';
  const schema = { params: ZonePath, body: StandingRequest, response: { 200: StandingAnswer } };
  app.post(path, { schema }, async (request) => {
    const claim = claimIn(request, request.body.knows === 'copy');
    const closed = new AbortController();
    const close = (): void => closed.abort();
    const { socket } = request.raw;
    socket.once('close', close);
    try {
      return await runs.stand(request.params.boxId, claim, request.body, closed.signal);
    } finally {
      socket.off('close', close);
    }
  });

  app.delete(path, { schema: { params: ZonePath } }, async (request, reply) => {
    runs.end(request.params.boxId, claimIn(request).run);
    return reply.status(204).send();
  });
}

/** Before what changes a zone: only the run that may. Throws `copied-identity`. */
export async function onlyFirst(runs: Runs, boxId: string, request: FastifyRequest): Promise<void> {
  const claim = claimOf(request.headers);
  if (claim !== undefined) await runs.admit(boxId, claim);
}

function claimIn(request: FastifyRequest, copy = false): Claim {
  const claim = claimOf(request.headers, copy);
  if (claim !== undefined) return claim;
  throw refusal('bad-request', `the header ${runHeaders.run} is missing, or is not a run`);
}
