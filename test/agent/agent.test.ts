import { readdirSync, readFileSync, statSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../src/kit/runtime/clock.ts';
import { agentPaths } from '../../src/protocol/agent-api.ts';
import { appOrigin, boxId, names } from '../box/lab/lab.ts';
import { withToken } from '../box/auth/agents/paired.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { soon } from '../support/soon.ts';
import { openComputer } from './computer.ts';

describe('a page that asks the agent', () => {
  it('is signed in below the agent’s session', async () => {
    const { lab, owner, page, signed, told, accounts } = await openComputer();
    const alive = await page('GET', agentPaths.alive);
    expect(alive.json).toEqual({ status: 'ok', challenge: expect.stringMatching(/^[\w-]{32,64}$/) });
    expect(alive.headers['access-control-allow-origin']).toBe(appOrigin);
    expect((await page('GET', agentPaths.handshake)).json).toMatchObject({
      agent: 'porchlight',
      boxes: [{ id: boxId, name: 'Our box' }],
    });

    const { status, json } = await page('POST', agentPaths.exchange, { body: await signed() });
    expect(status).toBe(200);
    expect(json).toMatchObject({ box_id: boxId, parentSessionId: accounts.all()[0]?.view?.sessionId });
    expect((await withToken(lab, String(json['access_token']), 'GET', '/api/state')).status).toBe(200);
    expect(told).toEqual([`${appOrigin} Our box`]);
    expect((await page('POST', agentPaths.done)).status).toBe(204);
    const { json: tree } = await owner.call('GET', '/api/sessions');
    expect(tree['sessions']).toContainEqual(
      expect.objectContaining({ id: json['sessionId'], parentId: json['parentSessionId'], kind: 'page' }),
    );
  });

  it('must bring a challenge back in time, and once', async () => {
    const { lab, page, signed } = await openComputer();
    const exchange = async (body: unknown): Promise<unknown> => {
      const { status, json } = await page('POST', agentPaths.exchange, { body });
      return status === 200 ? 'in' : json['code'];
    };
    const request = await signed();
    expect(await exchange(request)).toBe('in');
    expect(await exchange(request)).toBe('challenge-unknown');
    const late = await signed();
    await lab.clock.advance(seconds(30));
    expect(await exchange(late)).toBe('challenge-unknown');
    expect(await exchange({ ...(await signed()), challenge: 'c'.repeat(43) })).toBe('challenge-unknown');
  });

  it('must have had it signed by that box, for its origin, just now', async () => {
    const { page, signed } = await openComputer();
    const exchange = async (body: unknown): Promise<unknown> =>
      (await page('POST', agentPaths.exchange, { body })).json['code'];
    const { signature } = await signed();
    expect(await exchange(await signed({ signature }))).toBe('signature-wrong');
    const request = await signed();
    expect(await exchange({ ...request, signedAt: request.signedAt + 1 })).toBe('signature-wrong');
    // Used up by the attempt.
    expect(await exchange(request)).toBe('challenge-unknown');
  });

  it('is told when the clocks of box and computer differ', async () => {
    const ahead = new FakeClock(Date.UTC(2030, 0, 1) + minutes(6));
    const { page, signed } = await openComputer({ clock: ahead });
    const { status, json } = await page('POST', agentPaths.exchange, { body: await signed() });
    expect([status, json['code']]).toEqual([409, 'clocks-differ']);
  });

  it('learns nothing when it is of no app of the box, or comes by another name', async () => {
    const { agent, page } = await openComputer();
    const cases: [Record<string, string | undefined>, number, string][] = [
      [{ origin: 'https://evil.test' }, 403, 'origin-not-allowed'],
      [{ origin: 'null' }, 403, 'origin-not-allowed'],
      [{ origin: undefined }, 403, 'origin-not-allowed'],
      [{ host: `evil.test:${agent.port}` }, 421, 'not-a-name-of-the-agent'],
      [{ host: '127.0.0.1' }, 421, 'not-a-name-of-the-agent'],
    ];
    for (const [headers, status, code] of cases)
      for (const path of [agentPaths.alive, agentPaths.handshake, '/nothing']) {
        const answer = await page('GET', path, { headers });
        expect([answer.status, answer.json['code']]).toEqual([status, code]);
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
  });

  it('may ask first what it may, also where the browser asks for private networks', async () => {
    const { page } = await openComputer();
    const headers = { 'access-control-request-private-network': 'true' };
    const answer = await page('OPTIONS', agentPaths.exchange, { headers });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': appOrigin,
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': '*',
      'access-control-allow-private-network': 'true',
    });
    expect(
      (await page('OPTIONS', agentPaths.exchange, { headers: { origin: 'https://evil.test' } })).status,
    ).toBe(403);
  });

  it('must send what a browser asks about first', async () => {
    const { page, signed } = await openComputer();
    const body = await signed();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expect(
        (await page('POST', agentPaths.exchange, { body, headers: { 'content-type': type } })).status,
      ).toBe(415);
    expect((await page('POST', agentPaths.exchange, { body })).status).toBe(200);
  });

  it('is of an app that an owner has just put on the list', async () => {
    const { owner, page, lab } = await openComputer();
    const headers = { origin: 'https://new.test' };
    const apps = { apps: [{ clientId: 'new', name: 'New', redirectUris: ['https://new.test/'] }] };
    expect((await owner.call('PUT', '/api/apps', { body: apps })).status).toBe(200);
    await lab.clock.advance(seconds(11));
    expect((await page('GET', agentPaths.handshake, { headers })).status).toBe(200);
    expect((await page('GET', agentPaths.handshake)).status).toBe(403);
  });

  it('is told when the agent is not paired with its box', async () => {
    const { page } = await openComputer();
    const other = `${'b'.repeat(51)}q`;
    expect((await page('GET', `${agentPaths.alive}?box=${other}`)).json['code']).toBe('not-paired');
    expect((await page('GET', `${agentPaths.alive}?box=${boxId}`)).status).toBe(200);
    expect((await page('GET', `${agentPaths.alive}?box=x`)).status).toBe(400);
  });

  it('waits for a person who is asked, and hears when they say no', async () => {
    const { page, signed } = await openComputer({
      person: { allows: async () => false, tell: () => undefined },
    });
    const { status, json } = await page('POST', agentPaths.exchange, { body: await signed() });
    expect([status, json['code']]).toEqual([403, 'sign-in-declined']);
  });

  it('is not asked more than a person could mean', async () => {
    const { page, lab } = await openComputer();
    const statuses = new Set<number>();
    for (let n = 0; n < 70; n++) statuses.add((await page('GET', agentPaths.alive)).status);
    expect(statuses).toEqual(new Set([200, 429]));
    await lab.clock.advance(seconds(31));
    expect((await page('GET', agentPaths.alive)).status).toBe(200);
  });

  it('gets nothing for any other message', async () => {
    const { page, signed, owner } = await openComputer();
    const request = await signed();
    const broken = fc
      .tuple(fc.constantFrom(...Object.keys(request)), fc.anything())
      .map(([field, value]) => ({ ...request, [field]: value ?? null }))
      .filter(
        (body) =>
          body.signature !== request.signature ||
          body.challenge !== request.challenge ||
          body.signedAt !== request.signedAt,
      );
    await fc.assert(
      fc.asyncProperty(fc.oneof(broken, fc.anything()), async (body) => {
        const { status } = await page('POST', agentPaths.exchange, { body: body ?? null });
        expect([400, 403, 410]).toContain(status);
      }),
      { numRuns: 60 },
    );
    const { json } = await owner.call('GET', '/api/sessions');
    expect((json['sessions'] as { kind: string }[]).filter(({ kind }) => kind === 'page')).toEqual([]);
  });
});

describe('the agent’s session', () => {
  it('takes every page along when it ends at the box, and the agent is no way in from then on', async () => {
    const { lab, owner, page, signed, accounts } = await openComputer();
    const { json } = await page('POST', agentPaths.exchange, { body: await signed() });
    const outstanding = await signed();
    await owner.call('DELETE', `/api/sessions/${String(json['parentSessionId'])}`);
    expect((await withToken(lab, String(json['access_token']), 'GET', '/api/state')).status).toBe(401);
    await expect.poll(() => accounts.all().length, soon).toBe(0);
    expect((await page('GET', agentPaths.alive)).status).toBe(403);
    expect((await page('POST', agentPaths.exchange, { body: outstanding })).status).toBe(403);
  });

  it('is renewed by tokens that are on the disk before they are used', async () => {
    const { lab, accounts, folder, page, signed } = await openComputer();
    const path = `${folder}/${readdirSync(folder).find((name) => name.startsWith('box')) ?? ''}`;
    const kept = (): string => readFileSync(path, 'utf8');
    const before = kept();
    await lab.clock.advance(minutes(11));
    const { status } = await page('POST', agentPaths.exchange, { body: await signed() });
    expect(status).toBe(200);
    expect(kept()).not.toBe(before);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(accounts.all().length).toBe(1);
    expect(names.main).toContain(boxId);
  });
});
