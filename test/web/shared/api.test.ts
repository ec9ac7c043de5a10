import { describe, expect, it } from 'vitest';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { createApi } from '../../../src/web/shared/api.ts';

type Sent = { url: string; init: RequestInit };

function apiThatAnswers(
  status: number,
  body: string,
  options: Parameters<typeof createApi>[0] = {},
): { api: ReturnType<typeof createApi>; sent: Sent[] } {
  const sent: Sent[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    init.signal?.throwIfAborted();
    sent.push({ url, init });
    return new Response(body === '' ? null : body, { status });
  };
  return { api: createApi({ ...options, fetch: fetch as typeof globalThis.fetch }), sent };
}

const failing = async (): Promise<never> => Promise.reject(new TypeError('Failed to fetch'));

async function problemOf(call: Promise<unknown>): Promise<Problem> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

describe('calls of the JSON API', () => {
  it('sends the CSRF token with what changes something, and with nothing else', async () => {
    const { api, sent } = apiThatAnswers(200, '{}', { csrf: () => 'secret' });
    await api('/api/state');
    await api('/api/settings', { method: 'PUT', body: { name: 'Attic' } });
    expect(sent.map(({ init }) => new Headers(init.headers).get('x-csrf-token'))).toEqual([null, 'secret']);
    expect(sent[1]?.init.body).toBe('{"name":"Attic"}');
  });

  it('answers nothing for an empty body', async () => {
    expect(await apiThatAnswers(204, '').api('/api/logout', { method: 'POST' })).toBeUndefined();
  });

  it('turns a refusal into a problem with the server’s code, words, wait and details', async () => {
    const answer = { code: 'rate-limited', message: 'too often', retryAfterSeconds: 7, left: 2 };
    const told: string[] = [];
    const { api } = apiThatAnswers(429, JSON.stringify(answer), { onProblem: ({ code }) => told.push(code) });
    const problem = await problemOf(api('/api/login', { method: 'POST', body: {} }));
    expect(problem).toMatchObject({ code: 'rate-limited', status: 429, retryAfterSeconds: 7 });
    expect(problem.message).toBe('too often');
    expect(problem.details).toEqual({ left: 2 });
    expect(told).toEqual(['rate-limited']);
  });

  it.each([
    ['a page of something in between', 200, '<html>Log in to the hotel</html>', 'unreachable'],
    ['a refusal without a code', 500, '{"error":"?"}', 'unexpected'],
    ['a refusal that is no object', 500, '"no"', 'unexpected'],
  ])('does not take %s for an answer of the box', async (_what, status, body, code) => {
    expect((await problemOf(apiThatAnswers(status, body).api('/api/state'))).code).toBe(code);
  });

  it('says `unreachable` when the network fails, and throws the caller’s own reason when aborted', async () => {
    expect((await problemOf(createApi({ fetch: failing })('/api/state'))).code).toBe('unreachable');
    const reason = new Error('gone to another page');
    const { api } = apiThatAnswers(200, '{}');
    await expect(api('/api/state', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
