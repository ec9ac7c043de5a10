import type { FastifyReply, FastifyRequest } from 'fastify';
import { Value } from 'typebox/value';
import { seconds } from '../../../kit/runtime/clock.ts';
import { Problem } from '../../../kit/runtime/errors.ts';
import type { HttpApp } from '../../../kit/http/http-server.ts';
import {
  type AskAnswer,
  AskRequest,
  ConfirmRequest,
  InstanceAnswer,
  instanceLimits,
  instancePaths,
  InstanceRequest,
  type InstanceView,
  Sealed,
  sealedMediaType,
} from '../../../protocol/instance-api.ts';
import { open, sealedFor, sealingKeysFrom } from '../../../protocol/sealed.ts';
import { notClaimed, type Approvals } from '../../sessions/approvals.ts';
import { preflight, type Guard } from '../../api/guard.ts';
import { deviceOf } from '../../visitor.ts';
import type { Instance } from './instance-table.ts';
import type { Instances } from './instances.ts';
import { bodyRefused, checkedBody } from './signed-requests.ts';
import type { Fact } from '../../../kit/runtime/fact.ts';
import type { People } from '../../sessions/people.ts';
import type { Sessions } from '../../sessions/sessions.ts';

export interface InstanceRoutesOptions {
  guard: Guard;
  boxId: string;
  boxName: Fact<string>;
  people: People;
  sessions: Sessions;
  approvals: Approvals;
  instances: Instances;
  pairing: 'home' | 'anywhere' | 'off';
}

/** The calls of app instances; and to all calls of the box's own application, that an instance may sign them. */
export function instanceRoutes(app: HttpApp, options: InstanceRoutesOptions): void {
  const { guard, boxId, boxName, sessions, people, instances } = options;
  const proven = new WeakMap<FastifyRequest, { instance: Instance; bodyDigest?: Uint8Array }>();

  guard.accept((request) => {
    const proof = instances.prove(request);
    if (proof !== undefined) proven.set(request, proof);
    return proof?.instance.session;
  });
  app.addHook('preParsing', async (request, _reply, payload) => {
    const { bodyDigest } = proven.get(request) ?? {};
    return bodyDigest === undefined ? payload : checkedBody(payload, bodyDigest);
  });
  app.addContentTypeParser<string>(
    sealedMediaType,
    { parseAs: 'string' },
    async (request: FastifyRequest, body: string) =>
      opened(boxId, proven.get(request)?.instance, request, body),
  );

  // Open to everybody but pages of strangers: no cookie is looked at, and no page is told the answer but an app's.
  const open = { config: { admission: 'oauth' }, bodyLimit: instanceLimits.bodyBytes } as const;
  for (const path of [instancePaths.request, instancePaths.confirm]) app.options(path, open, preflight);
  const answered = { response: { 200: InstanceAnswer } };

  app.post(
    instancePaths.request,
    { ...open, schema: { ...answered, body: InstanceRequest } },
    async (request) => instances.request(request.body, guard.visitor(request), deviceOf(request)),
  );
  app.post(
    instancePaths.confirm,
    { ...open, schema: { ...answered, body: ConfirmRequest } },
    async (request) => instances.confirm(request.body, guard.visitor(request)),
  );

  const signed = { config: { admission: 'instance' }, bodyLimit: instanceLimits.bodyBytes } as const;
  for (const path of [instancePaths.self, instancePaths.ask]) app.options(path, signed, preflight);
  /** Throws `not-logged-in` for another kind of session. */
  const instanceOf = (request: FastifyRequest): Instance => {
    const instance = instances.ofSession(guard.session(request));
    if (instance !== undefined) return instance;
    throw new Problem('not-logged-in', 'this call is for app instances, which sign it', { status: 401 });
  };

  app.get(instancePaths.self, signed, async (request): Promise<InstanceView> => {
    const { clientId, session } = instanceOf(request);
    const person = session.personId === null ? undefined : people.byId(session.personId);
    return { clientId, boxId, boxName: boxName.value, person: person?.name ?? null };
  });

  app.delete(instancePaths.self, signed, async (request, reply) => {
    const { session } = instanceOf(request);
    sessions.end(session.id, { who: session.label, address: guard.visitor(request).address, byItself: true });
    return reply.status(204).send();
  });

  app.post(instancePaths.ask, { ...signed, schema: { body: AskRequest } }, async (request, reply) =>
    asked(options, instanceOf(request), request, reply),
  );
}

/** An owner is asked whether the instance may act for them. */
async function asked(
  { guard, approvals, people, instances, pairing }: InstanceRoutesOptions,
  instance: Instance,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<AskAnswer> {
  const { clientId, session } = instance;
  if (session.personId !== null) return { answer: 'allowed', code: '' };
  const { address, atHome } = guard.visitor(request);
  if (approvals.answerFor('instance', clientId) === undefined) {
    if (!people.claimed.value) throw notClaimed();
    if (pairing === 'off' || (pairing === 'home' && !atHome)) throw onlyAtHome();
  }
  const { wait = 0 } = request.body as AskRequest;
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const asking = { kind: 'instance', subject: clientId, label: session.label, address } as const;
  const { answer, code } = await approvals.ask(asking, seconds(wait), gone.signal);
  if (typeof answer === 'string') return { answer, code };
  if (answer.allowed) instances.link(instance, answer.session);
  return { answer: answer.allowed ? 'allowed' : 'refused', code: '' };
}

/** The JSON in a body that was encrypted to the box for this method and path. Throws `body-refused`. */
async function opened(
  boxId: string,
  instance: Instance | undefined,
  request: FastifyRequest,
  body: string,
): Promise<unknown> {
  if (instance?.secrets === undefined) throw bodyRefused('only who signs the request may encrypt its body');
  const { clientId, secrets } = instance;
  const keys = await sealingKeysFrom(secrets.sealing);
  const info = sealedFor.request(boxId, clientId);
  try {
    const sealed: unknown = JSON.parse(body);
    if (!Value.Check(Sealed, sealed)) throw new TypeError('enc or ct is missing');
    return JSON.parse(await open(keys, sealed, info, `${request.method} ${request.raw.url}`));
  } catch {
    throw bodyRefused(
      'it is not encrypted to the key that this instance was given, for this method and path',
    );
  }
}

const onlyAtHome = (): Problem =>
  new Problem(
    'only-at-home',
    'an owner is asked about new apps from the home network alone; do this once at home',
    {
      status: 403,
    },
  );
