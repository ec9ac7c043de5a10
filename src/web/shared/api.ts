import { Problem } from '../../kit/runtime/errors.ts';

/** A box that has not answered by then does not answer. */
const usualTimeoutMs = 15_000;

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

interface CallOptions {
  method?: Method;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
  /** For what takes the box or the line longer than other calls. */
  timeoutMs?: number;
}

export interface ApiOptions {
  /** `''` for the page's own origin. */
  origin?: string;
  /** Sent as `x-csrf-token` with what changes something. */
  csrf?: () => string | null;
  /** Told of every refusal, before the caller is. */
  onProblem?: (problem: Problem) => void;
  fetch?: typeof fetch;
}

/** Calls the JSON API and answers its body; `undefined` for an empty one. Every failure is a `Problem`, with the server's code. */
export type Api = <T>(path: string, options?: CallOptions) => Promise<T>;

export function createApi(options: ApiOptions = {}): Api {
  const { origin = '', csrf, onProblem, fetch = globalThis.fetch.bind(globalThis) } = options;
  return async <T>(path: string, call: CallOptions = {}): Promise<T> => {
    const { method = 'GET', body, signal, timeoutMs = usualTimeoutMs } = call;
    const token = method === 'GET' ? undefined : csrf?.();
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined || token === null ? {} : { 'x-csrf-token': token }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      const answer = await bodyOf(response);
      if (!response.ok) throw problemOf(response.status, answer);
      return answer as T;
    } catch (error) {
      signal?.throwIfAborted();
      const problem = error instanceof Problem ? error : unreachable(error);
      onProblem?.(problem);
      throw problem;
    }
  };
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    // Whatever stands between us and the box (a router's page, a proxy's) does not speak for it.
    throw unreachable(error);
  }
}

/** The error shape of our APIs: `{ code, message, … }`. */
export function problemOf(status: number, answer: unknown): Problem {
  const { code, message, retryAfterSeconds, ...details } = isRecord(answer) ? answer : {};
  return new Problem(
    typeof code === 'string' ? code : 'unexpected',
    typeof message === 'string' ? message : `the box answered ${status}`,
    {
      status,
      details,
      ...(typeof retryAfterSeconds === 'number' ? { retryAfterSeconds } : {}),
    },
  );
}

function unreachable(cause: unknown): Problem {
  return new Problem('unreachable', 'the box does not answer', { status: 0, cause });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
