import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { datedColumns } from '../../../src/box/sessions/dated-columns.ts';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { days, hours } from '../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const folder = temporaryFolder();
const since = Date.UTC(2026, 0, 1);
const until = since + hours(2);
const step = days(150);
const correction = { id: 'doubt', since, until, step };

async function opened(name: string): Promise<AccessStore> {
  const store = new AccessStore(join(folder, name));
  await store.open();
  return store;
}

/** Rows that were made `at`, as the parts make them. */
function fill(store: AccessStore, at: number, name: string): void {
  const run = (sql: string): unknown => store.run(sql, {});
  run(`INSERT INTO person (id, name, name_key, role, created_at, invite_expires_at)
       VALUES ('${name}', '${name}', '${name}', 'member', ${at}, ${at + days(2)})`);
  run(`INSERT INTO passkey VALUES ('${name}', '${name}', '', x'00', 0, '[]', ${at}, ${at})`);
  run(
    `INSERT INTO session VALUES ('${name}', NULL, '${name}', NULL, 'console', '', ${at}, ${at}, NULL, ${days(30)}, ${at + days(30)}, NULL)`,
  );
  run(
    `INSERT INTO session VALUES ('${name} page', '${name}', NULL, NULL, 'page', '', ${at}, ${at}, NULL, NULL, ${at + hours(8)}, ${at + hours(8)})`,
  );
  run(`INSERT INTO token VALUES ('${name} access', '${name}', 'access', ${at + hours(1)}, NULL)`);
  run(`INSERT INTO token VALUES ('${name} used', '${name}', 'refresh', ${at + days(30)}, ${at})`);
  run(`INSERT INTO code VALUES ('${name}', '${name}', '', '', '', ${at + 60_000}, ${at}, NULL)`);
  run(`INSERT INTO approval VALUES ('${name}', 'client', '${name}', '', '${name}', '', ${at})`);
  run(`INSERT INTO audit (at, action, who, what) VALUES (${at}, 'login', '${name}', '')`);
  run(`INSERT INTO device_certificate VALUES ('${name}', '', '${name}', '', ${at}, ${at + days(30)}, ${at})`);
  run(`INSERT INTO totp VALUES ('${name}', x'00', 0, ${at})`);
}

/** Every date in the store, by table and column. */
function dates(store: AccessStore): Map<string, number[]> {
  const found = Object.entries(datedColumns).flatMap(([table, columns]) =>
    columns.map(({ column }): [string, number[]] => [
      `${table}.${column}`,
      store
        .all(`SELECT ${column} AS at FROM ${table} WHERE ${column} IS NOT NULL ORDER BY 1`)
        .map(({ at }) => Number(at)),
    ]),
  );
  return new Map(found);
}

describe('the list of dates in the store', () => {
  it('names every column that can hold one', async () => {
    const store = await opened('columns');
    const tables = store.all("SELECT name FROM sqlite_master WHERE type = 'table'");
    const all = tables.flatMap(({ name }) =>
      store
        .all('SELECT name, type FROM pragma_table_info(:name)', { name: String(name) })
        .filter(
          ({ name: column, type }) => type === 'INTEGER' && /(^at|_at|until|since)$/.test(String(column)),
        )
        .map(({ name: column }) => `${String(name)}.${String(column)}`),
    );
    expect([...dates(store).keys()].toSorted(), 'add it to src/box/sessions/dated-columns.ts').toEqual(
      all.toSorted(),
    );
    store.close();
  });
});

describe('what was made in doubt', () => {
  it('is dated anew, once, also by a store that hears of it later; what was made before is not', async () => {
    const [older, store] = [await opened('before'), await opened('doubt')];
    fill(older, since - days(20), 'before');
    fill(store, since + hours(1), 'meanwhile');
    const [unmoved, before] = [dates(older), dates(store)];
    expect([...before].filter(([, times]) => times.length === 0)).toEqual([]);
    for (const each of [older, store]) each.redate([correction]);
    expect(dates(older)).toEqual(unmoved);
    const after = dates(store);
    // A certificate says itself how long it is good for.
    before.set('device_certificate.expires_at', [since + hours(1) + days(30) - step]);
    expect(after).toEqual(
      new Map([...before].map(([column, times]) => [column, times.map((time) => time + step)])),
    );
    store.redate([correction]);
    expect(dates(store)).toEqual(after);
    for (const each of [older, store]) each.close();
  });

  it('is a use, too, of what is older; and nothing lives longer than it may', async () => {
    const store = await opened('use');
    fill(store, since - days(20), 'old');
    const used = since + hours(1);
    store.run(`UPDATE session SET last_seen_at = ${used}, expires_at = ${used + days(30)} WHERE id = 'old'`);
    store.run(`UPDATE session SET idle_ms = ${days(30)}, ends_at = ${since + days(40)},
      expires_at = ${used + days(30)} WHERE id = 'old page'`);
    store.redate([correction]);
    const [session] = store.all("SELECT * FROM session WHERE id = 'old'");
    expect(session).toMatchObject({
      created_at: since - days(20),
      last_seen_at: used + step,
      expires_at: used + step + days(30),
    });
    const [page] = store.all("SELECT * FROM session WHERE id = 'old page'");
    expect(page).toMatchObject({ ends_at: since + days(40), expires_at: since + days(40) });
    store.close();
  });
});
