import { it } from 'vitest';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { expectWordsForEachPageLost } from '../../support/each-page-lost.ts';
import { temporaryFolder } from '../../support/folder.ts';

const tables = [
  'person',
  'session',
  'token',
  'code',
  'setting',
  'approval',
  'audit',
  'page',
  'device',
  'instance',
];

/** All that is done with the store, from the box's start on: each table is read, some are written. */
async function use(where: string): Promise<void> {
  const store = new AccessStore(where);
  try {
    await store.open();
    store.redate([{ id: 'doubt', since: 0, until: 1, step: 2 }]);
    store.get('SELECT value FROM setting WHERE name = :name', { name: 'apps' });
    for (const table of tables) store.all(`SELECT * FROM ${table}`);
    store.transaction(() => {
      store.run("INSERT OR REPLACE INTO setting VALUES ('apps', '[]')");
      store.run("INSERT INTO audit (at, action, who, what) VALUES (1, 'claimed', 'Ada', '')");
      store.eventTold();
    });
  } finally {
    store.close();
  }
}

it('whatever page of the store is lost, what fails says so in words', async () => {
  await expectWordsForEachPageLost(temporaryFolder(), 'access.sqlite', use);
});
