import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { controlSocket } from '../box/control/socket-path.ts';
import { codeOf, messageOf, Problem } from '../kit/runtime/errors.ts';

export interface ControlCall {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** With what stands in it encoded (`encodeURIComponent`). */
  path: string;
  /** Sent as JSON; a stream is sent as it is (`application/octet-stream`). */
  body?: object | Readable;
  signal?: AbortSignal;
}

const Refusal = Type.Object({ code: Type.String(), message: Type.String() });

/**
 * Asks the box that runs with this state folder; answers what it said, checked against `answer`, or `undefined` when there
 * is no schema. Throws the box's own `Problem`, or `box-not-running`, `control-refused`, `bad-answer`.
 */
export async function askControl<S extends TSchema>(
  stateFolder: string,
  call: ControlCall & { answer: S },
): Promise<Static<S>>;
export async function askControl(stateFolder: string, call: ControlCall): Promise<undefined>;
export async function askControl<S extends TSchema>(
  stateFolder: string,
  call: ControlCall & { answer?: S },
): Promise<Static<S> | undefined> {
  const said = await text(await streamControl(stateFolder, call));
  if (call.answer === undefined) return undefined;
  const value = parsed(said);
  if (Value.Check(call.answer, value)) return value;
  throw new Problem(
    'bad-answer',
    `the box did not answer ${call.method} ${call.path} as agreed; is it of the version of this program?`,
  );
}

/** The stream of an answer. */
async function streamControl(stateFolder: string, call: ControlCall): Promise<IncomingMessage> {
  const response = await exchange(stateFolder, call);
  const { statusCode = 500 } = response;
  if (statusCode < 300) return response;
  const refusal = parsed(await text(response));
  if (!Value.Check(Refusal, refusal)) throw new Problem('bad-answer', `the box answered ${statusCode}`);
  const { code, message, ...details } = refusal;
  throw new Problem(code, message, { status: statusCode, details });
}

async function exchange(stateFolder: string, call: ControlCall): Promise<IncomingMessage> {
  const { method, path, body, signal } = call;
  const socket = reached(stateFolder);
  try {
    const type = body instanceof Readable ? 'application/octet-stream' : 'application/json';
    const headers = body === undefined ? {} : { 'content-type': type };
    const sent = request({
      socketPath: socket.path,
      method,
      path,
      headers,
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.on('error', (error) => reject(unanswered(stateFolder, error)));
      if (body instanceof Readable) body.once('error', reject);
    });
    // The answer says what goes wrong with it, also when the box answers before it has all.
    if (body instanceof Readable) pipeline(body, sent).catch(() => undefined);
    else sent.end(body === undefined ? undefined : JSON.stringify(body));
    return await answer;
  } finally {
    socket.release();
  }
}

function reached(stateFolder: string): ReturnType<typeof controlSocket> {
  try {
    return controlSocket(stateFolder);
  } catch (error) {
    throw unanswered(stateFolder, error);
  }
}

function unanswered(stateFolder: string, error: unknown): unknown {
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new Problem(
        'box-not-running',
        `no box runs with the state folder ${stateFolder}; start it (porchlight box), or name its folder with --state`,
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
      return new Problem(
        'control-refused',
        `no right to speak to the box in ${stateFolder}; try as root (sudo) or as the box’s own user`,
        { cause: error },
      );
    case 'ECONNRESET':
      return new Problem('box-not-running', `the box ended before it answered: ${messageOf(error)}`, {
        cause: error,
      });
    default:
      return error;
  }
}

function parsed(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    return undefined;
  }
}
