import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogLine, SessionNode, StateView } from '../../../../src/protocol/access-api.ts';
import { homeRows, type Row, worst } from '../../../../src/web/console/pages/home-rows.ts';
import { logFileName, logText, withNewLines } from '../../../../src/web/console/pages/log-lines.ts';
import {
  type Branch,
  countBelow,
  holdsCurrent,
  sessionTree,
} from '../../../../src/web/console/pages/session-tree.ts';
import { settingsOf } from '../../../../src/web/console/pages/settings-form.ts';
import { consoleText } from '../../../../src/web/shared/text/console.ts';
import { usualState } from '../usual-state.ts';

const now = Date.UTC(2026, 10, 23, 12);
const day = 86_400_000;

const session = (id: string, parentId: string | null, lastSeenAt = 0): SessionNode => ({
  ...(usualState(now).sessions[0] as SessionNode),
  id,
  parentId,
  lastSeenAt,
  current: id === 'me',
});

const line = (seq: number): LogLine => ({
  seq,
  time: now,
  level: 'info',
  part: 'web',
  message: `line ${seq}`,
});

describe('home', () => {
  const { en } = consoleText;
  const usual: StateView = { ...usualState(now).state, conditions: [] };
  const rowOf = (state: StateView, name: string, at = now): Row | undefined =>
    homeRows(state, at, 'en', en).find((row) => row.name === name);
  const condition = (name: string, severity: 'warning' | 'error'): StateView['conditions'][number] => ({
    name,
    severity,
    message: 'it is bad',
    remedy: 'make it good',
    since: now - day,
  });

  it('says that everything is well when it is', () => {
    const rows = homeRows(usual, now, 'en', en);
    expect(rows.map(({ name }) => name)).toEqual(Object.values(en.home.parts));
    expect(worst(rows.map(({ severity }) => severity))).toBe('ok');
    expect(rows.every(({ remedy, boxSays }) => remedy === undefined && boxSays.length === 0)).toBe(true);
  });

  it.each([
    ['warning', en.home.hasCopy],
    ['error', en.home.isCopy],
  ] as const)('tells of a copied card, and the way out (%s)', (severity, sentence) => {
    const conditions = [condition('identity.copied', severity)];
    expect(rowOf({ ...usual, conditions }, 'Identity')).toMatchObject({
      severity,
      sentences: [sentence],
      remedy: en.home.remedies.identity,
    });
  });

  it.each([
    [{ addresses: [] }, 'Address at home', en.home.noAddress],
    [{ certificate: null }, 'Certificate', en.home.noCertificate],
    [{ certificate: { notAfter: now - 1 } }, 'Certificate', /expired on 23 November|expired on November 23/],
    [{ certificate: { notAfter: now + 1.5 * day } }, 'Certificate', /one more day/],
    [{ tunnel: { phase: 'off', origin: null } }, 'From outside', en.home.tunnel.off],
    [{ announce: { announcedAt: null, shortCode: null } }, 'Found by apps', en.home.notAnnounced],
    [{ ways: [] }, 'Name', en.home.noName],
    [{ ways: [] }, 'Found without internet', en.home.mdnsNone],
  ] as const)('with %o says so at “%s”', (change, name, sentence) => {
    expect(rowOf({ ...usual, ...(change as Partial<StateView>) }, name)?.sentences[0]).toMatch(sentence);
  });

  it('shows at a part what is below it, the worst first, with a remedy and the box’s own words', () => {
    const conditions = [condition('zone.state', 'warning'), condition('zone', 'error')];
    expect(rowOf({ ...usual, conditions }, 'Name')).toMatchObject({
      severity: 'error',
      remedy: en.home.remedies.name,
      since: 'yesterday',
      boxSays: ['it is bad; make it good', 'it is bad; make it good'],
    });
  });

  it('names the router when it hides the box', () => {
    const conditions = [condition('zone.rebinding-filter', 'warning')];
    const row = rowOf({ ...usual, conditions }, 'Name');
    expect(row?.sentences).toEqual([en.home.nameFiltered]);
    expect(row?.remedy).toBe(en.home.remedies.filtered);
  });

  it('shows parts it does not know in the box’s own words', () => {
    expect(rowOf({ ...usual, conditions: [condition('fan', 'error')] }, 'fan')?.severity).toBe('error');
    // `zoneless` is no part of `zone`.
    expect(rowOf({ ...usual, conditions: [condition('zoneless', 'error')] }, 'Name')?.severity).toBe('ok');
  });

  it('compares the clocks', () => {
    expect(rowOf(usual, 'Clock', now + 119_000)?.severity).toBe('ok');
    expect(rowOf(usual, 'Clock', now - 10 * 60_000)).toMatchObject({
      severity: 'warning',
      sentences: [en.home.clockOff(10)],
    });
  });
});

describe('sessions', () => {
  const ids = (tree: readonly Branch[]): unknown =>
    tree.map(({ session, children }) => (children.length === 0 ? session.id : [session.id, ids(children)]));

  it('are a tree, the last seen first', () => {
    const tree = sessionTree([session('a', null, 1), session('me', 'a'), session('b', null, 2)]);
    expect(ids(tree)).toEqual(['b', ['a', ['me']]]);
    expect(tree.map(holdsCurrent)).toEqual([false, true]);
    expect(tree.map(countBelow)).toEqual([0, 1]);
  });

  it('whose parent is not in the list stand at the top, and none is lost or shown twice', () => {
    const forest = fc
      .array(fc.nat({ max: 30 }), { maxLength: 25 })
      // Each may only hang below an earlier one, as in the box.
      .map((parents) =>
        parents.map((parent, index) => session(`${index}`, parent < index ? `${parent}` : 'not-here')),
      );
    fc.assert(
      fc.property(forest, (sessions) => {
        const tree = sessionTree(sessions);
        expect(tree.length + tree.reduce((sum, branch) => sum + countBelow(branch), 0)).toBe(sessions.length);
      }),
    );
  });
});

describe('the log', () => {
  it('grows by what is new, and keeps the last thousand', () => {
    const kept = [line(1), line(2)];
    expect(withNewLines(kept, [line(2), line(3)]).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(withNewLines(kept, [line(2)])).toBe(kept);
    const many = withNewLines(
      kept,
      Array.from({ length: 1500 }, (_, index) => line(index + 3)),
    );
    expect([many.length, many.at(-1)?.seq]).toEqual([1000, 1502]);
  });

  it('goes on when the box has started again and counts from before', () => {
    const kept = [line(501), line(502)];
    const startingOver = withNewLines(kept, [line(1), line(2)]);
    expect(startingOver.map(({ seq }) => seq)).toEqual([501, 502, 1, 2]);
    expect(withNewLines(startingOver, [line(3)]).map(({ seq }) => seq)).toEqual([501, 502, 1, 2, 3]);
  });

  it('is a text file with a name that every disk takes', () => {
    expect(logText([line(7)])).toBe('2026-11-23T12:00:00.000Z info web: line 7\n');
    expect(logFileName('Wohnzimmer / Büro', now)).toBe('porchlight-wohnzimmer-b-ro-2026-11-23.log');
    expect(logFileName('家', now)).toBe('porchlight-2026-11-23.log');
  });
});

describe('settings', () => {
  it.each([
    ['always', 'always'],
    ['off', 'off'],
    ['window', { forMinutes: 15 }],
  ])('discovery %s means %o', (discovery, meant) => {
    expect(settingsOf({ name: ' Attic ', discovery, tunnel: 'off' })).toEqual({
      name: 'Attic',
      tunnel: false,
      discovery: meant,
    });
  });
});
