import { beforeEach, expect, it } from 'vitest';
import { InstanceTable, mostStrangers } from '../../../../src/box/auth/instances/instance-table.ts';
import { Vault } from '../../../../src/box/sessions/vault.ts';
import { Sessions } from '../../../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../../../src/box/sessions/store.ts';
import { days, minutes } from '../../../../src/kit/runtime/clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { temporaryFolder } from '../../../support/folder.ts';

let clock: FakeClock;
let sessions: Sessions;
let table: InstanceTable;

beforeEach(async () => {
  const folder = temporaryFolder();
  clock = new FakeClock();
  const store = new AccessStore(folder);
  await store.open();
  const vault = new Vault(folder);
  await vault.open();
  sessions = new Sessions({ store, clock });
  table = new InstanceTable({ store, sessions, vault, clock });
});

const asker = (uid: string): Parameters<InstanceTable['create']>[0] => ({
  deviceId: 'phone',
  uid,
  mailbox: 'porchlight',
  label: 'App',
  address: '203.0.113.9',
});
const secrets = { hmac: Buffer.alloc(32, 1), sealing: Buffer.alloc(97, 2) };
const make = (uid: string): string => table.create(asker(uid), secrets).clientId;

it('gives back what was put in, as long as its session lives', () => {
  const made = table.create(asker('a'), secrets);
  const found = table.byClientId(made.clientId);
  expect(found).toEqual(made);
  expect(table.bySession(made.session.id)).toEqual(made);
  sessions.end(made.session.id);
  expect(table.byClientId(made.clientId)).toBeUndefined();
});

it('has one credential of nobody’s for a mailbox', () => {
  const [first, other, second] = [make('a'), make('b'), make('a')];
  expect(table.byClientId(first)).toBeUndefined();
  expect(table.byClientId(second)).toBeDefined();
  expect(table.byClientId(other)).toBeDefined();
});

it('keeps so many that are nobody’s, and lets go the one that was used longest ago', async () => {
  const first = make('first');
  const second = make('second');
  await clock.advance(minutes(2));
  const used = table.byClientId(first);
  expect(used).toBeDefined();
  if (used !== undefined) sessions.touch(used.session, '203.0.113.9');
  for (let count = 2; count < mostStrangers; count++) make(`other-${count}`);
  expect(sessions.all()).toHaveLength(mostStrangers);
  make('one more');
  expect(sessions.all()).toHaveLength(mostStrangers);
  expect(table.byClientId(second)).toBeUndefined();
  expect(table.byClientId(first)).toBeDefined();
});

it('ends what was never used after a day, and what was after ninety', async () => {
  const never = make('never');
  // Within the minute in which it was made, which is no use that is written down.
  table.used(table.create(asker('used'), secrets));
  await clock.advance(days(1));
  expect(table.endDormant()).toBe(1);
  expect(table.byClientId(never)).toBeUndefined();
  await clock.advance(days(88));
  expect(table.endDormant()).toBe(0);
  await clock.advance(days(1));
  expect(table.endDormant()).toBe(1);
});
