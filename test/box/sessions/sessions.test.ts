import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sessions } from '../../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { Tokens } from '../../../src/box/sessions/tokens.ts';
import { hours, minutes } from '../../../src/kit/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

async function open(): Promise<{ clock: FakeClock; store: AccessStore; sessions: Sessions; tokens: Tokens }> {
  const clock = new FakeClock();
  const store = new AccessStore(temporaryFolder());
  await store.open();
  const sessions = new Sessions({ store, clock });
  return { clock, store, sessions, tokens: new Tokens({ store, sessions, clock }) };
}

const base = { personId: null, kind: 'app', label: 'x', address: null, idleMs: null } as const;

describe('the tree of sessions', () => {
  it('writes a use down now and then, also of one that is used from two addresses in turn', async () => {
    const { clock, sessions, store } = await open();
    const { id } = sessions.create({ ...base, parentId: null, address: '192.0.2.1', idleMs: minutes(30) });
    const writes = (): unknown => store.get('SELECT total_changes() AS count')?.['count'];
    const begun = Number(writes());
    for (let second = 0; second < 60; second++) {
      await clock.advance(1000);
      for (const address of ['192.0.2.1', '192.0.2.2']) {
        const session = sessions.find(id);
        if (session !== undefined) sessions.touch(session, address);
      }
    }
    expect(sessions.find(id)?.lastSeenAt).toBeGreaterThan(clock.now() - minutes(1));
    // Two changes each: when and from where, and when it ends.
    expect(Number(writes()) - begun).toBeLessThanOrEqual(26);
  });

  it('lets nothing below an ended session work, whatever the tree and the order', async () => {
    const { sessions, tokens, store } = await open();
    const trees = fc.record({
      // Node n hangs below one of the nodes before it, or below none.
      parents: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 16 }),
      ends: fc.array(fc.nat({ max: 15 }), { minLength: 1, maxLength: 6 }),
    });
    fc.assert(
      fc.property(trees, ({ parents, ends }) => {
        const nodes: { id: string; parent: number; token: string }[] = [];
        store.transaction(() => {
          for (const choice of parents) {
            const parent = choice < nodes.length ? choice : -1;
            const { id } = sessions.create({ ...base, parentId: nodes[parent]?.id ?? null });
            nodes.push({ id, parent, token: tokens.newAccess(id) });
          }
        });
        const told: string[] = [];
        const unsubscribe = sessions.onEnded((ended) => told.push(...ended));
        const roots = new Set(ends.map((end) => end % nodes.length));
        for (const root of roots) sessions.end(nodes[root]?.id ?? '');
        unsubscribe();
        const isOver = (node: number): boolean =>
          node >= 0 && (roots.has(node) || isOver(nodes[node]?.parent ?? -1));
        const over = nodes.filter((_, index) => isOver(index)).map(({ id }) => id);
        expect(told.toSorted()).toEqual(over.toSorted());
        for (const { id, token } of nodes) {
          expect(sessions.find(id) === undefined).toBe(over.includes(id));
          expect(tokens.find('access', token) === undefined).toBe(over.includes(id));
        }
        for (const id of over)
          expect(() => sessions.create({ ...base, parentId: id })).toThrow('not signed in');
        for (const { id } of nodes) sessions.end(id);
      }),
      { numRuns: 40 },
    );
  });

  it('ends what is not used, and what is used below keeps alive what is above', async () => {
    const { clock, sessions } = await open();
    const parent = sessions.create({ ...base, parentId: null, idleMs: hours(2) });
    const child = sessions.create({ ...base, parentId: parent.id, idleMs: hours(1) });
    const other = sessions.create({ ...base, parentId: parent.id, idleMs: hours(1) });
    expect(sessions.endExpired()).toBe(clock.now() + hours(1));
    for (let hour = 0; hour < 6; hour += 0.5) {
      await clock.advance(minutes(30));
      const used = sessions.find(child.id);
      expect(used).toBeDefined();
      if (used !== undefined) sessions.touch(used, '192.168.1.9');
    }
    expect(sessions.find(parent.id)).toBeDefined();
    expect(sessions.find(other.id)).toBeUndefined();
    const told: string[] = [];
    sessions.onEnded((ended) => told.push(...ended));
    sessions.endExpired();
    expect(told).toEqual([other.id]);
    await clock.advance(hours(2));
    expect(sessions.find(child.id)).toBeUndefined();
    expect(sessions.endExpired()).toBeUndefined();
    expect(told.toSorted()).toEqual([parent.id, child.id, other.id].toSorted());
  });

  it('is listed with children behind their parent', async () => {
    const { clock, sessions } = await open();
    const make = async (label: string, parentId: string | null): Promise<string> => {
      await clock.advance(1);
      return sessions.create({ ...base, label, parentId }).id;
    };
    const a = await make('a', null);
    const b = await make('b', null);
    const aa = await make('aa', a);
    await make('ba', b);
    await make('aaa', aa);
    await make('ab', a);
    expect(sessions.all().map(({ label }) => label)).toEqual(['b', 'ba', 'a', 'ab', 'aa', 'aaa']);
  });

  it('is ended for a person but for one branch', async () => {
    const { sessions, store } = await open();
    store.run(
      "INSERT INTO person (id, name, name_key, role, created_at) VALUES ('p', 'P', 'p', 'member', 0)",
    );
    const make = (label: string, parentId: string | null): string =>
      sessions.create({ ...base, personId: 'p', label, parentId }).id;
    const root = make('above', null);
    const kept = make('kept', root);
    make('below', kept);
    make('beside', root);
    make('other', null);
    sessions.create({ ...base, label: 'somebody else', parentId: null });
    sessions.endAllOf('p', kept);
    expect(
      sessions
        .all()
        .map(({ label }) => label)
        .toSorted(),
    ).toEqual(['above', 'below', 'kept', 'somebody else']);
    sessions.endAllOf('p');
    expect(sessions.all().map(({ label }) => label)).toEqual(['somebody else']);
  });

  it('writes a use down once a minute, so that the card lasts', async () => {
    const { clock, sessions } = await open();
    const { id } = sessions.create({ ...base, parentId: null, address: '10.0.0.1', idleMs: hours(1) });
    const use = (): number | undefined => {
      const session = sessions.find(id);
      if (session !== undefined) sessions.touch(session, '10.0.0.1');
      return sessions.find(id)?.lastSeenAt;
    };
    const begun = clock.now();
    await clock.advance(59_000);
    expect(use()).toBe(begun);
    await clock.advance(1000);
    expect(use()).toBe(begun + 60_000);
  });
});
