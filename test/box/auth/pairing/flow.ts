import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import { type Answer, Browser, type Call, fromApp, type Lab, names } from '../../lab/lab.ts';

/** As a program calls, which has no origin. */
export function fromProgram(lab: Lab, method: string, path: string, call: Call = {}): Promise<Answer> {
  return new Browser(lab).call(method, path, { ...call, headers: { origin: undefined, ...call.headers } });
}

export const authorise = (lab: Lab, body: object, call: Call = {}): Promise<Answer> =>
  fromProgram(lab, 'POST', '/authorise', { body, ...call });

export const authoriseFromApp = (lab: Lab, body: object, call: Call = {}): Promise<Answer> =>
  fromApp(lab, 'POST', '/authorise', { body, ...call });

export interface OpenSocket {
  socket: WebSocket;
  messages: Record<string, unknown>[];
  /** Code and reason of the end. */
  closed: Promise<[number, string]>;
}

function socketAt(lab: Lab, headers: Record<string, string>, protocols: string[], path: string): WebSocket {
  return new WebSocket(`wss://127.0.0.1:${lab.port}${path}`, protocols, {
    ca: lab.caPem,
    servername: names.main,
    headers: { host: `${names.main}:${lab.port}`, ...headers },
  } as ClientOptions);
}

export function openSocket(
  lab: Lab,
  headers: Record<string, string>,
  protocols: string[] = [],
  path = '/w',
): OpenSocket {
  const socket = socketAt(lab, headers, protocols, path);
  const messages: Record<string, unknown>[] = [];
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as (typeof messages)[0]));
  socket.on('error', () => undefined);
  const closed = new Promise<[number, string]>((resolve) =>
    socket.on('close', (code, reason: Buffer) => resolve([code, reason.toString()])),
  );
  return { socket, messages, closed };
}

export const bearer = (token: unknown): Record<string, string> => ({
  authorization: `Bearer ${String(token)}`,
});

/** With which status an upgrade was refused. */
export async function refusedWith(
  lab: Lab,
  headers: Record<string, string>,
  protocols: string[] = [],
  path = '/w',
): Promise<unknown> {
  const socket = socketAt(lab, headers, protocols, path);
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  socket.terminate();
  return response.statusCode;
}

interface Pending {
  id: string;
  label: string;
  code: string;
  kind: string;
}

/** What the console shows of those who wait. */
export async function pendingOf(owner: Browser): Promise<Pending[]> {
  return (await owner.call('GET', '/api/approvals')).json['pending'] as Pending[];
}

/** The owner answers the one question with this code, or the only one there is. */
export async function decide(owner: Browser, allow: boolean, code?: string): Promise<void> {
  const pending = await pendingOf(owner);
  const question = pending.find((each) => code === undefined || each.code === code);
  const { status } = await owner.call('POST', `/api/approvals/${question?.id}`, { body: { allow } });
  if (status !== 204 || (code === undefined && pending.length > 1)) throw new Error(`decided: ${status}`);
}

/** A client that an owner has let in, with a token. */
export async function paired(
  lab: Lab,
  owner: Browser,
  kind: 'client' | 'agent' = 'client',
): Promise<{ clientId: string; accessToken: string; sessionId: string }> {
  const clientId = randomUUID();
  const { json } = await authorise(lab, { clientId, kind, name: 'Cockpit', wait: 0 });
  await decide(owner, true, String(json['code']));
  const { json: answer } = await authorise(lab, { clientId, kind });
  const accessToken = String(answer['accessToken']);
  const { json: me } = await fromProgram(lab, 'GET', '/api/me', { headers: bearer(accessToken) });
  return { clientId, accessToken, sessionId: String((me['session'] as { id?: unknown } | undefined)?.id) };
}

async function timed<T>(step: () => Promise<T>): Promise<[T, number]> {
  const from = performance.now();
  return [await step(), performance.now() - from];
}

/**
 * The whole flow once, by a client that the box has not seen before; how long each step took, ms. Without what the owner
 * takes to answer.
 */
export async function pairOnce(
  lab: Lab,
  owner: Browser,
): Promise<Record<'info' | 'question' | 'token' | 'socket', number>> {
  const clientId = randomUUID();
  const [, info] = await timed(() => fromProgram(lab, 'GET', '/info'));
  const [{ json: pending }, question] = await timed(() => authorise(lab, { clientId, wait: 0 }));
  await decide(owner, true, String(pending['code']));
  const [{ json }, token] = await timed(() => authorise(lab, { clientId }));
  const [opened, socket] = await timed(async () => {
    const { socket: made } = openSocket(lab, bearer(json['accessToken']));
    await once(made, 'message');
    return made;
  });
  opened.terminate();
  return { info, question, token, socket };
}
