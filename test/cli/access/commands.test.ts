import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Control } from '../../../src/box/control/control.ts';
import { approvalsCommand } from '../../../src/cli/access/approvals.ts';
import { auditCommand } from '../../../src/cli/access/audit.ts';
import { revokeCommand } from '../../../src/cli/access/revoke.ts';
import { sessionsCommand } from '../../../src/cli/access/sessions.ts';
import type { Command } from '../../../src/kit/config/command.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import type { ControlSession } from '../../../src/protocol/control-api.ts';
import { away, Browser, fromApp, type Lab, openLab } from '../../box/lab/lab.ts';
import { authorise } from '../../box/auth/pairing/flow.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { type Ran, run, tooLong } from '../run.ts';

/** A box that has an owner, and the commands that ask it. */
async function open(): Promise<{
  lab: Lab;
  owner: Browser;
  ask: (command: Command, ...args: string[]) => Promise<Ran>;
}> {
  const state = temporaryFolder();
  const lab = await openLab();
  const control = new Control({ stateFolder: state, health: new Health(systemClock), log: silentLog });
  control.add((app) => lab.access.control(app));
  await control.start();
  onTestFinished(() => control.stop());
  // The clock of the commands is the machine's: it shows what that of the lab does.
  vi.useFakeTimers({ toFake: ['Date'], now: lab.clock.now() });
  onTestFinished(() => void vi.useRealTimers());
  const owner = new Browser(lab);
  await owner.firstRun();
  return { lab, owner, ask: (command, ...args) => run(command, [...args, '--state', state]) };
}

const listed = async (
  ask: (command: Command, ...args: string[]) => Promise<Ran>,
): Promise<ControlSession[]> =>
  (JSON.parse((await ask(sessionsCommand, '--json')).out) as { sessions: ControlSession[] }).sessions;

describe('porchlight sessions and revoke', () => {
  it('draws the tree, and ends a branch of it on every side', async () => {
    const { lab, owner, ask } = await open();
    const { accessToken } = await owner.connect();
    await lab.clock.advance(1000);
    const other = new Browser(lab);
    await other.signIn();
    const before = await ask(sessionsCommand);
    expect(before.out.replaceAll(/[0-9a-f]{8}(?= {2})/g, 'ID')).toBe(`Ada
├─ ID  login     unknown device
│    seen just now from 192.168.1.7, ends in 30 days if not used
└─ ID  login     unknown device
   │ seen just now from 192.168.1.7, ends in 30 days if not used
   └─ ID  app       Porchlight · unknown device
        seen just now from 192.168.1.7, ends in 30 days if not used
`);
    expect(tooLong(before.out)).toEqual([]);
    const sessions = await listed(ask);
    expect(sessions.map(({ kind, person }) => `${kind} of ${person}`).toSorted()).toEqual([
      'app of Ada',
      'login of Ada',
      'login of Ada',
    ]);
    const parent = sessions.find(({ id }) => sessions.some(({ parentId }) => parentId === id));
    const ended = await ask(revokeCommand, parent?.id.slice(0, 8) ?? '');
    expect(ended.out.replaceAll(/[0-9a-f]{8}  /g, 'ID  ')).toMatch(
      /^Ended:\nAda\n└─ ID {2}login .*\n.*\n {3}└─ ID {2}app /,
    );
    expect(
      (await fromApp(lab, 'GET', '/api/me', { headers: { authorization: `Bearer ${accessToken}` } })).status,
    ).toBe(401);
    expect(await owner.open()).toMatchObject({ stage: 'login' });
    expect(await other.open()).toMatchObject({ stage: 'in' });

    expect((await ask(revokeCommand, '--all-of', 'ada')).out).toContain('login');
    expect(await other.open()).toMatchObject({ stage: 'login' });
    expect((await ask(sessionsCommand)).out).toBe('Nobody is let in.\n');
    expect((await ask(revokeCommand, '--all-of', 'Ada')).out).toBe('Ada has no sessions.\n');
    await owner.signIn();
    expect((await ask(auditCommand)).out).toMatch(/-\s+session-ended\s+root: unknown device \(\+1\)\n/);
  });

  it('says what is wrong with what was typed', async () => {
    const { ask } = await open();
    const [session] = await listed(ask);
    for (const args of [[], ['abc', 'def'], [session?.id ?? '', '--all-of', 'Ada'], ['zzzzzz'], ['']])
      expect(await ask(revokeCommand, ...args)).toMatchObject({ code: 2, out: '' });
    const unknown = await ask(revokeCommand, '--all-of', 'Bob');
    expect(unknown).toMatchObject({ code: 1, err: expect.stringMatching(/no person of this name/) });
    expect((await listed(ask)).length).toBe(1);
    const nowhere = await run(sessionsCommand, ['--state', temporaryFolder()]);
    expect(nowhere).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no box runs with the state folder/),
    });
  });
});

describe('porchlight approvals', () => {
  it('lists who waits, lets in and refuses by the code, and forgets', async () => {
    const { lab, ask } = await open();
    expect((await ask(approvalsCommand)).out).toBe('Nobody waits to be let in.\n');
    const one = { clientId: randomUUID(), name: 'Living room', wait: 0 };
    const code = String((await authorise(lab, one)).json['code']);
    const waiting = authorise(lab, { ...one, wait: 5 });
    const before = await ask(approvalsCommand);
    expect(before.out).toContain(`  ${code}`);
    expect(before.out).toContain('from 192.168.1.7, 120 seconds left');
    expect(tooLong(before.out)).toEqual([]);
    expect((await ask(approvalsCommand, 'allow', code.toLowerCase())).out).toBe('Let in: Living room.\n');
    expect((await waiting).status).toBe(200);
    expect((await listed(ask)).map(({ kind, person }) => `${kind} of ${person}`)).toContain('client of Ada');

    await lab.clock.advance(1000);
    await authorise(lab, { clientId: randomUUID(), name: 'Cellar', wait: 0 });
    const { pending } = JSON.parse((await ask(approvalsCommand, '--json')).out) as {
      pending: { id: string }[];
    };
    expect((await ask(approvalsCommand, 'refuse', pending[0]?.id ?? '')).out).toBe('Refused: Cellar.\n');
    const after = (await ask(approvalsCommand)).out;
    expect(after).toMatch(
      /Nobody waits.*\n\nAnswered before:\n.*Cellar\n +refused by root, .*\n.*Living room\n +let in by root/,
    );
    const [id] = /[0-9a-f]{8}(?= {2}client {4}Living)/.exec(after) ?? [];
    expect((await ask(approvalsCommand, 'forget', id ?? '')).out).toBe(
      'Forgotten: Living room is asked about again.\n',
    );
    expect((await listed(ask)).map(({ kind }) => kind)).toEqual(['login']);
    for (const args of [['allow'], ['allow', 'AAAA'], ['let', code], ['forget', code]])
      expect((await ask(approvalsCommand, ...args)).code).toBe(2);
  });
});

describe('porchlight audit', () => {
  it('prints the record, the oldest first, since a time', async () => {
    const { lab, ask } = await open();
    lab.from = away;
    await new Browser(lab).signIn('Ada', 'wrong');
    const { out } = await ask(auditCommand, '--since', '2029-12-31');
    expect(out).toMatch(
      /^2030-01-01 00:00:00 {2}192\.168\.1\.7 +claimed +Ada\n.*logged-in +Ada: unknown device\n.*203\.0\.113\.9 +login-failed +Ada\n$/,
    );
    const { entries } = JSON.parse((await ask(auditCommand, '--json', '--since=90d')).out) as {
      entries: unknown[];
    };
    expect(entries.length).toBe(3);
    expect((await ask(auditCommand, '--since', '2031-01-01')).out).toBe(
      'Nothing was written down in this time.\n',
    );
    for (const since of ['yesterday', '7', '-1d', '2026-13-01'])
      expect((await ask(auditCommand, '--since', since)).code).toBe(2);
  });
});
