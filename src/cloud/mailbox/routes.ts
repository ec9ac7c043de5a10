import type { TLSSocket } from 'node:tls';
import cors from '@fastify/cors';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { serveApiDocument } from '../../kit/http/api-document.ts';
import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import type { HttpsApp } from '../../kit/http/http-server.ts';
import type { RateLimit } from '../../kit/http/rate-limit.ts';
import {
  ChallengeAnswer,
  EntryAnswer,
  EntryOfBoxPath,
  EntryPath,
  mailboxLimits,
  mailboxPaths,
  PutEntryRequest,
  SignInAnswer,
  SignInRequest,
} from '../../protocol/mailbox-api.ts';
import type { BoxId } from '../../protocol/names.ts';
import { boxIdOfPeer } from '../box-certificate.ts';
import { clientKey } from '../../kit/http/client-key.ts';
import type { KnownBoxes } from '../known-boxes.ts';
import type { Entries } from './entries.ts';
import type { SignIn } from './sign-in.ts';

export interface MailboxCounters {
  signIns: number;
  written: number;
  read: number;
  /** Answered 429. */
  limited: number;
  /** Answered with any other error. */
  refused: number;
  /** Values that expired before they were read. */
  expired: number;
}

export interface MailboxRoutesOptions {
  entries: Entries;
  signIn: SignIn;
  limits: Record<'perBox' | 'boxesPerSource' | 'instancesPerSource', RateLimit>;
  known: KnownBoxes;
  counters: MailboxCounters;
  clock: Clock;
}

function sourceOf(request: FastifyRequest): string {
  const address = request.raw.socket.remoteAddress;
  return address === undefined ? 'gone' : clientKey(address);
}

const boxOf = (request: FastifyRequest): BoxId => boxIdOfPeer(request.raw.socket as TLSSocket);

/** Puts the mailbox API on `app`. Limits are checked before a body is read. */
export async function mailboxRoutes(app: HttpsApp, options: MailboxRoutesOptions): Promise<void> {
  const { counters } = options;
  app.addHook('onError', async (_request, _reply, error) => {
    if (error instanceof Problem && error.status === 429) counters.limited++;
    else counters.refused++;
  });
  await app.register(async (boxes: HttpsApp) => forBoxes(boxes, options));
  await app.register(async (instances: HttpsApp) => forInstances(instances, options));
}

/** A box writes in its own name: it is who its certificate says. */
function forBoxes(app: HttpsApp, { entries, limits, known, counters, clock }: MailboxRoutesOptions): void {
  app.addHook('onRequest', async (request) => {
    limits.boxesPerSource.take(sourceOf(request), clock.monotonic(), 'letters from your address');
    limits.perBox.take(boxOf(request), clock.monotonic(), 'letters of this box');
  });

  const path = mailboxPaths.toInstance(':uid', ':name');
  app.put(path, { schema: { params: EntryPath, body: PutEntryRequest } }, async (request, reply) => {
    const box = boxOf(request);
    const by = { client: sourceOf(request), proven: known.isProven(box) };
    entries.put({ ...request.params, box }, request.body, by);
    counters.written++;
    return reply.status(204).send();
  });

  app.delete(path, { schema: { params: EntryPath } }, async (request, reply) => {
    entries.remove({ ...request.params, box: boxOf(request) });
    return reply.status(204).send();
  });
}

/** An instance reads what is for it. From any page: it has a token, and no cookie counts. */
async function forInstances(app: HttpsApp, options: MailboxRoutesOptions): Promise<void> {
  const { entries, signIn, limits, counters, clock } = options;
  await app.register(cors, {
    origin: '*',
    methods: ['GET', 'POST'],
    allowedHeaders: ['authorization', 'content-type'],
    exposedHeaders: ['retry-after'],
    maxAge: 600,
  });

  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    limits.instancesPerSource.take(sourceOf(request), clock.monotonic(), 'questions from your address');
  });

  serveApiDocument(app, 'mailbox');

  app.get(mailboxPaths.challenge, { schema: { response: { 200: ChallengeAnswer } } }, async () => ({
    challenge: signIn.challenge(),
  }));

  const signing = { schema: { body: SignInRequest, response: { 200: SignInAnswer } } };
  app.post(mailboxPaths.signIn, signing, async (request) => {
    const signedIn = signIn.signIn(request.body, request.host);
    counters.signIns++;
    return { ...signedIn, expires_in: mailboxLimits.tokenSeconds };
  });

  const schema = {
    params: EntryOfBoxPath,
    querystring: Type.Object({
      wait: Type.Optional(Type.Integer({ minimum: 0, maximum: mailboxLimits.waitSeconds })),
    }),
    response: { 200: EntryAnswer },
  };
  app.get(mailboxPaths.fromBox(':uid', ':box', ':name'), { schema }, async (request, reply) => {
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const uid = token === undefined ? undefined : signIn.uidOf(token);
    if (uid === undefined) throw notSignedIn();
    if (uid !== request.params.uid) throw notYours();
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const waitMs = seconds(request.query.wait ?? 0);
    const value = await entries.read(request.params, waitMs, gone.signal, sourceOf(request));
    if (value === undefined)
      throw new Problem('not-found', 'there is nothing of this box under this name', { status: 404 });
    counters.read++;
    return { value };
  });
}

const notSignedIn = (): Problem =>
  new Problem('not-signed-in', 'sign in to the mailbox first, or again: tokens end after an hour', {
    status: 401,
  });

const notYours = (): Problem =>
  new Problem('mailbox-not-yours', 'this is the mailbox of another instance; read your own', {
    status: 403,
    retryable: false,
  });
