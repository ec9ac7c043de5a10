import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Child } from '../../../src/kit/runtime/child.ts';
import { until } from '../../../src/kit/runtime/fact.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { ChildTask } from './keeper-child.ts';
import { createKeeper, createLab, eventually, type Lab } from './lab.ts';

/** Every step of getting a certificate, in order; a test below proves that none is missing. */
const steps = [
  'account-key-saved', 'account-made', 'account-saved', 'caa-set', 'order-prepared', 'order-placed', 'order-saved',
  'challenges-added', 'challenges-served', 'challenges-told', 'authorized', 'finalized', 'issued', 'downloaded',
  'pair-written', 'pair-switched', 'order-forgotten', 'challenges-removed',
] as const; // prettier-ignore

const script = fileURLToPath(new URL('keeper-child.ts', import.meta.url));

describe('a process killed between two steps of getting a certificate', () => {
  const folder = temporaryFolder();
  let lab: Lab;
  beforeAll(async () => (lab = await createLab({ folder })));
  afterAll(() => lab.close());

  it('knows every step', async () => {
    const tested = createKeeper(lab, join(folder, 'whole'));
    await tested.keeper.start();
    await eventually('done', () => tested.steps.includes('challenges-removed'));
    await tested.keeper.stop();
    expect(tested.steps).toEqual(steps);
  });

  it.each(steps)('after "%s": ends with a valid pair, and at most one order more', async (killAfter) => {
    const stateFolder = join(folder, killAfter);
    const { ca, identity, names, proxy } = lab;
    const task: ChildTask = {
      identity,
      names,
      caPem: ca.caPem,
      apiOrigin: lab.dns.apiOrigin(),
      directoryUrl: proxy.directoryUrl,
      stateFolder,
      after: killAfter,
      what: 'kill',
    };
    const before = { orders: proxy.count('new-order'), accounts: accountsMade(lab) };
    const env = {
      ...process.env,
      NODE_COMPILE_CACHE: join(folder, 'compiled'),
      KEEPER_TASK: JSON.stringify(task),
    };
    const exit = await new Child({ command: process.execPath, args: [script], env }).exited;
    expect(exit.signal).toBe('SIGKILL');

    const { keeper, severity } = createKeeper(lab, stateFolder);
    await keeper.start();
    const certificate = await until(
      keeper.certificate,
      (value) => value !== undefined,
      AbortSignal.timeout(15_000),
    );
    await eventually(
      'the zone is clean',
      async () => severity() === 'ok' && (await lab.challenges()).length === 0,
    );
    await keeper.stop();

    expect(certificate?.names).toEqual([names.main, `*.${names.main}`]);
    const orders = proxy.count('new-order') - before.orders;
    expect(orders).toBe(killAfter === 'order-placed' ? 2 : 1);
    expect(new Set(accountsMade(lab)).size - new Set(before.accounts).size).toBe(1);
  });
});

/** Keys of the accounts that were asked for; the same key again is the same account (RFC 8555, 7.3). */
function accountsMade(lab: Lab): string[] {
  return lab.proxy.seen.filter(({ path }) => path === '/sign-me-up').map(({ key }) => key ?? '');
}
