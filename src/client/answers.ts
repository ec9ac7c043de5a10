import { messageOf, Problem } from '../kit/runtime/errors.ts';
import type { Runtime } from './runtime.ts';
import { mayBeRepeated, retryAfterSeconds } from '../kit/http/refused-answer.ts';

const maxAnswerBytes = 1024 * 1024;

/** No answer of a few hundred bytes takes longer. */
const patienceMs = 10_000;

export interface Asking {
  runtime: Runtime;
  signal?: AbortSignal | undefined;
  /** How long the server may take, in all; 10 s. */
  ms?: number;
}

/**
 * Asks a server and reads its JSON (`undefined` when it is none). Throws `unreachable`, what `signal` aborted with, and what
 * `jsonOf` throws.
 */
export async function askJson(
  url: string,
  init: RequestInit,
  { runtime, signal, ms = patienceMs }: Asking,
): Promise<{ value: unknown; headers: Headers }> {
  const limit = AbortSignal.timeout(ms);
  try {
    const response = await runtime.fetch(url, {
      ...init,
      cache: 'no-store',
      credentials: 'omit',
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
    return { value: await jsonOf(response), headers: response.headers };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Problem) throw error;
    const { origin } = new URL(url);
    const why = limit.aborted ? `no answer within ${ms} ms` : messageOf(error);
    throw new Problem('unreachable', `${origin} cannot be reached: ${why}`, {
      status: 502,
      cause: error,
      details: { origin },
    });
  }
}

/**
 * The JSON of an answer: `undefined` when it is none. Throws the `Problem` that the server answers with, under its own code
 * (of OAuth's `error`, RFC 6749, 5.2, with hyphens), and `bad-answer` for one of more than a megabyte.
 */
export async function jsonOf(response: Response): Promise<unknown> {
  const value = parsed(await textOf(response));
  if (response.ok) return value;
  const { code, error, message } = (value ?? {}) as Record<string, unknown>;
  const { status } = response;
  const named = typeof code === 'string' ? code : typeof error === 'string' ? error : `http-${status}`;
  const why = typeof message === 'string' ? message.slice(0, 500) : 'without a reason';
  const after = retryAfterSeconds(response.headers.get('retry-after'));
  throw new Problem(
    named.slice(0, 60).replaceAll('_', '-'),
    `${originOf(response)} answered ${status}: ${why}`,
    {
      status,
      retryable: mayBeRepeated(status),
      ...(after === undefined ? {} : { retryAfterSeconds: after }),
    },
  );
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const chunk of chunksOf(response)) {
    size += chunk.length;
    if (size > maxAnswerBytes) {
      throw new Problem('bad-answer', `${originOf(response)} answered more than ${maxAnswerBytes} bytes`, {
        status: 502,
      });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Not every browser can iterate over a stream. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const originOf = (response: Response): string =>
  response.url === '' ? 'the server' : new URL(response.url).origin;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
