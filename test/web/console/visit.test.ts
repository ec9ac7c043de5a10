import { describe, expect, it } from 'vitest';
import type { SessionView } from '../../../src/protocol/access-api.ts';
import { createVisit, type Visit } from '../../../src/web/console/visit.ts';
import { usualState } from './usual-state.ts';

interface Answer {
  status: number;
  body?: object;
}

/** A visit whose calls are answered by the test, in the order it likes. */
function visitAnsweredBy(answer: (path: string) => Promise<Answer>): Visit {
  const fetch = async (path: string): Promise<Response> => {
    const { status, body } = await answer(path);
    return new Response(body === undefined ? null : JSON.stringify(body), { status });
  };
  return createVisit({ fetch: fetch as typeof globalThis.fetch });
}

const at = (stage: SessionView['stage'], boxName = 'Living room'): Answer => ({
  status: 200,
  body: { ...usualState(0).session, stage, boxName },
});

describe('a visit', () => {
  it('says that the session has ended only when the person did not end it, and until they are in again', async () => {
    let stage: SessionView['stage'] = 'in';
    const visit = visitAnsweredBy(async (path) => {
      if (path !== '/api/logout') return at(stage);
      stage = 'login';
      // The box's word by the socket is here before its answer.
      await visit.refresh();
      return { status: 204 };
    });
    await visit.refresh();
    await visit.signOut();
    expect([visit.session.value?.stage, visit.ended.value]).toEqual(['login', false]);
    for (stage of ['in', 'login'] as const) await visit.refresh();
    expect(visit.ended.value).toBe(true);
    stage = 'in';
    await visit.refresh();
    expect(visit.ended.value).toBe(false);
  });

  it('asks again who is here when a refusal shows that it does not know', async () => {
    let calls = 0;
    const visit = visitAnsweredBy(async (path) => {
      if (path === '/api/session') return at(calls++ === 0 ? 'in' : 'login');
      return { status: 401, body: { code: 'not-logged-in', message: 'sign in' } };
    });
    await visit.refresh();
    await expect(visit.api('/api/people')).rejects.toMatchObject({ code: 'not-logged-in' });
    await expect.poll(() => visit.session.value?.stage).toBe('login');
  });

  it('keeps the younger answer when an older one comes late', async () => {
    const late = Promise.withResolvers<Answer>();
    const answers = [late.promise, Promise.resolve(at('login', 'new'))];
    const visit = visitAnsweredBy(async () => answers.shift() ?? at('first-run'));
    const first = visit.refresh();
    await visit.refresh();
    late.resolve(at('in', 'old'));
    await first;
    expect(visit.session.value?.boxName).toBe('new');
  });

  it('keeps what it knows when the box cannot be asked', async () => {
    const answers = [at('in'), { status: 503, body: { code: 'not-ready', message: 'starting' } }, at('in')];
    const visit = visitAnsweredBy(async () => answers.shift() ?? at('in'));
    await visit.refresh();
    await visit.refresh();
    expect(visit.session.value?.stage).toBe('in');
    expect(visit.problem.value).toMatchObject({ code: 'not-ready' });
    await visit.refresh();
    expect(visit.problem.value).toBeUndefined();
  });
});
