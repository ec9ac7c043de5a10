import { expect, it } from 'vitest';
import { type RememberedBox, RememberedBoxes } from '../../src/client/remembered.ts';
import { memoryStore, webStore } from '../../src/client/store.ts';

const id = 'a'.repeat(52);
const box: RememberedBox = {
  id,
  name: 'Kitchen',
  clientId: 'https://app.example',
  ways: { main: `https://${id}.box.example`, mirrors: [], tunnel: null, address: null },
  outside: false,
  tokens: { access: 'a', accessEndsAt: 1, refresh: 'r' },
};
const other = 'q'.repeat(51) + 'a';
const second = {
  ...box,
  id: other,
  name: 'Attic',
  ways: { ...box.ways, main: `https://${other}.box.example` },
};

/** As browsers have it, with something of another script in it. */
function localStorage(): Parameters<typeof webStore>[0] {
  const texts = new Map([['theirs', 'x']]);
  return {
    get length() {
      return texts.size;
    },
    key: (index) => [...texts.keys()][index] ?? null,
    getItem: (key) => texts.get(key) ?? null,
    setItem: (key, text) => void texts.set(key, text),
    removeItem: (key) => void texts.delete(key),
  };
}

it.each([
  ['memory', memoryStore()],
  ['localStorage', webStore(localStorage())],
])('remembers several boxes in %s, and forgets one', async (_name, store) => {
  const boxes = new RememberedBoxes(store);
  expect(await boxes.list()).toEqual([]);
  await boxes.put(box);
  await boxes.put(second);
  expect(await boxes.list()).toEqual([second, box]);
  await boxes.change(id, (known) => ({ ...known, name: 'Cellar' }));
  expect((await boxes.get(id))?.name).toBe('Cellar');
  await boxes.forget(id);
  await boxes.change(id, (known) => known);
  expect(await boxes.list()).toEqual([second]);
  expect(await store.keys()).toEqual([`box:${other}`]);
});

it.each([
  ['not JSON', '{'],
  ['null', 'null'],
  ['another box', JSON.stringify(second)],
  ['a zone of another box', JSON.stringify({ ...box, ways: second.ways })],
  [
    'a way out of the zone',
    JSON.stringify({ ...box, ways: { ...box.ways, tunnel: 'https://evil.example' } }),
  ],
])('does not believe what is no box: %s', async (_what, text) => {
  const store = memoryStore();
  await store.save(`box:${id}`, text);
  expect(await new RememberedBoxes(store).list()).toEqual([]);
});

it('knows a box whose session is over, or whose tokens are none', async () => {
  const store = memoryStore();
  await store.save(`box:${id}`, JSON.stringify({ ...box, tokens: { access: 'a' } }));
  expect(await new RememberedBoxes(store).list()).toEqual([{ ...box, tokens: null }]);
});

it('lets changes of one box take turns', async () => {
  const boxes = new RememberedBoxes(memoryStore());
  await boxes.put({ ...box, name: '' });
  await Promise.all(
    ['a', 'b', 'c'].map((letter) => boxes.change(id, (known) => ({ ...known, name: known.name + letter }))),
  );
  expect((await boxes.get(id))?.name).toBe('abc');
});
