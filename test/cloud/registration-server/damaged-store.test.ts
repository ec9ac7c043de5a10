import { relative } from 'node:path';
import { expect, it } from 'vitest';
import { RecordStore } from '../../../src/cloud/registration-server/store.ts';
import { expectWordsForEachPageLost } from '../../support/each-page-lost.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();
const since = Date.UTC(2030, 0, 1);

/** Everything that the server does with its store, from its start on. */
async function use(where: string): Promise<void> {
  const store = RecordStore.open(where);
  try {
    const correction = { id: 'doubt', since: 0, until: 1, step: 2 };
    store.redate([correction]);
    store.secret('short-code');
    expect(store.inHome('home', since - 1, 10).length).toBeLessThan(2);
    store.discoverable('home', since - 1, 10);
    store.byCode('home', 'abcd', since - 1);
    await store.put({
      client: 'a'.repeat(52),
      family: 4,
      publicIp: '203.0.113.1',
      home: 'home',
      shortCode: 'abcd',
      discoverable: true,
      message: '{}',
      announcedAt: since,
      knownSince: since,
    });
    expect(store.figures.records).toBeGreaterThan(-1);
    await store.sweep(since - 2, AbortSignal.timeout(5000));
  } finally {
    store.close();
  }
}

it('whatever page of the store is lost, what fails says so in words', async () => {
  await expectWordsForEachPageLost(folder, relative(folder, RecordStore.pathIn(folder)), use);
});
