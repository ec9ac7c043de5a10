import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Approvals, type Asking } from '../../../src/box/sessions/approvals.ts';
import { Audit } from '../../../src/box/sessions/audit.ts';
import { People, type Person } from '../../../src/box/sessions/people.ts';
import { Sessions } from '../../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { days, minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import { codeOf } from '../../../src/kit/runtime/errors.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { approvalLimits } from '../../../src/protocol/approvals-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { crowdAddress, crowds } from '../../support/crowd.ts';

interface Lab {
  clock: FakeClock;
  approvals: Approvals;
  sessions: Sessions;
  audit: Audit;
  people: People;
  owner: Person;
  /** As after a restart of the box. */
  again(): Promise<Lab>;
}

async function open(folder = temporaryFolder(), clock = new FakeClock()): Promise<Lab> {
  const store = new AccessStore(folder);
  await store.open();
  const sessions = new Sessions({ store, clock });
  const audit = new Audit({ store, clock, log: silentLog });
  const people = new People({ store, sessions, clock });
  people.open();
  const owner = people.byName('Ada') ?? people.claim('Ada', 'a hash').person;
  const approvals = new Approvals({ store, sessions, audit, clock });
  const close = (): void => {
    approvals.stop();
    store.close();
  };
  onTestFinished(close);
  const again = (): Promise<Lab> => {
    close();
    return open(folder, clock);
  };
  return { clock, approvals, sessions, audit, people, owner, again };
}

const phone: Asking = { kind: 'client', subject: 'secret of phone', label: 'Phone', address: '192.168.1.7' };
const numbered = (n: number): Asking => ({
  ...phone,
  subject: `secret of ${n}`,
  address: `192.168.${1 + Math.floor(n / 200)}.${n % 200}`,
});
const at = (address: string, n: number): Asking => ({ ...numbered(n), address });
const never = new AbortController().signal;
const refusalOf = (call: Promise<unknown>): Promise<string> => call.then(() => 'none', codeOf);

/** Asks and does not wait. */
const ring = (lab: Lab, asking = phone): ReturnType<Approvals['ask']> => lab.approvals.ask(asking, 0, never);
const answer = (lab: Lab, allow: boolean): void => {
  const [first] = lab.approvals.pending.value;
  lab.approvals.decide(first?.id ?? '', allow, lab.owner, '192.168.1.2');
};

/** The one that is remembered. */
const onlyAnswer = (lab: Lab): { id: string; sessionId: string } => {
  const [answered] = lab.approvals.remembered();
  return { id: answered?.id ?? '', sessionId: answered?.sessionId ?? '' };
};

describe('a question', () => {
  it('is asked once for the same subject, however often it is called', async () => {
    const lab = await open();
    const told: number[] = [];
    lab.approvals.pending.subscribe((pending) => told.push(pending.length));
    const first = await ring(lab);
    expect(first.answer).toBe('pending');
    expect(first.code).toMatch(/^[2-9A-Z]{4}$/);
    expect(await ring(lab, { ...phone, label: 'Other words' })).toEqual(first);
    const now = lab.clock.now();
    expect(lab.approvals.pending.value).toEqual([
      {
        id: expect.any(String) as string,
        kind: 'client',
        label: 'Phone',
        code: first.code,
        address: '192.168.1.7',
        askedAt: now,
        endsAt: now + minutes(2),
      },
    ]);
    await ring(lab, { ...phone, kind: 'device' });
    expect(told).toEqual([1, 2]);
  });

  it('waits as long as it is told to, and no longer than the caller', async () => {
    const lab = await open();
    const hangUp = new AbortController();
    const waiting = [
      lab.approvals.ask(phone, seconds(20), never),
      lab.approvals.ask(phone, seconds(20), hangUp.signal),
    ];
    hangUp.abort();
    expect((await waiting[1])?.answer).toBe('pending');
    await lab.clock.advance(seconds(20));
    expect((await waiting[0])?.answer).toBe('pending');
    expect(lab.approvals.pending.value).toHaveLength(1);
  });

  it('is over after two minutes, for those who wait as well', async () => {
    const lab = await open();
    const { code } = await ring(lab);
    const [question] = lab.approvals.pending.value;
    const waiting = lab.approvals.ask(phone, minutes(5), never);
    await lab.clock.advance(minutes(2));
    expect(await waiting).toEqual({ answer: 'expired', code });
    expect(lab.approvals.pending.value).toEqual([]);
    expect(() => lab.approvals.decide(question?.id ?? '', true, lab.owner, null)).toThrow('it may be over');
    expect(lab.approvals.answerFor('client', phone.subject)).toBeUndefined();
    await ring(lab);
    expect(lab.approvals.pending.value[0]?.id).not.toBe(question?.id);
  });

  it('is over when the box stops', async () => {
    const lab = await open();
    const waiting = lab.approvals.ask(phone, minutes(5), never);
    lab.approvals.stop();
    expect((await waiting).answer).toBe('expired');
    expect(lab.clock.sleeping).toBe(0);
  });

  it('shows a name that is fit to be shown', async () => {
    const lab = await open();
    await ring(lab, { ...phone, label: `\u202Eenohp\n${'x'.repeat(200)}` });
    await ring(lab, { ...phone, subject: 'other', label: '\u0000' });
    const [long, none] = lab.approvals.pending.value;
    expect(long?.label).toMatch(/^[ -~]{60,80}$/);
    expect(none?.label).toBe('client');
  });
});

describe('how many may wait', () => {
  it('is three from one address, or from one /64', async () => {
    const lab = await open();
    for (const n of [1, 2, 3]) await ring(lab, at('192.168.1.9', n));
    await expect(ring(lab, at('192.168.1.9', 4))).rejects.toMatchObject({
      code: 'rate-limited',
      status: 429,
      retryAfterSeconds: 60,
    });
    expect((await ring(lab, at('192.168.1.9', 3))).answer).toBe('pending');
    for (const n of [5, 6, 7]) await ring(lab, at(`fd00::${n}`, n));
    expect(await refusalOf(ring(lab, at('fd00::1:8', 8)))).toBe('rate-limited');
    await ring(lab, at('fd00:0:0:1::8', 8));
    answer(lab, false);
    await ring(lab, at('192.168.1.9', 4));
  });

  it.each(crowds)('is open to others while %i networks ask all they can', async (networks) => {
    const lab = await open();
    await ring(lab, numbered(1));
    for (let n = 0; n < 300; n++)
      await ring(lab, at(crowdAddress(1 + (n % networks)), 1000 + n)).catch(() => undefined);
    await ring(lab, at('203.0.113.77', 2));
    expect(lab.approvals.pending.value.map(({ address }) => address)).toContain('203.0.113.77');
    expect(lab.approvals.pending.value.length).toBeLessThanOrEqual(2 * approvalLimits.pending);
    await ring(lab, at('192.168.1.77', 3));
  });

  it('is bounded, and those who are known are not kept out by it', async () => {
    const lab = await open();
    await ring(lab);
    answer(lab, true);
    for (let n = 0; n < 3 * approvalLimits.pending; n++) await ring(lab, numbered(n));
    expect(lab.approvals.pending.value).toHaveLength(approvalLimits.pending);
    expect((await ring(lab)).answer).toMatchObject({ allowed: true });
    await lab.clock.advance(minutes(2));
    expect((await ring(lab, numbered(100))).answer).toBe('pending');
  });

  it('is four calls for the same answer; one more is answered at once, and a place comes free', async () => {
    const lab = await open();
    const left = new AbortController();
    const calls = Array.from({ length: approvalLimits.waitersPerQuestion }, (_, n) =>
      lab.approvals.ask(phone, minutes(1), n === 0 ? left.signal : never),
    );
    expect((await lab.approvals.ask(phone, minutes(1), never)).answer).toBe('pending');
    left.abort();
    await calls[0];
    const next = lab.approvals.ask(phone, minutes(1), never);
    answer(lab, false);
    const answers = await Promise.all([...calls.slice(1), next]);
    expect(answers.map((each) => each.answer)).toEqual(answers.map(() => ({ allowed: false })));
  });
});

describe('a yes', () => {
  it('makes a session of the owner who said it, for all who wait, and is remembered', async () => {
    const lab = await open();
    const waiting = [1, 2].map(() => lab.approvals.ask(phone, seconds(20), never));
    answer(lab, true);
    const [first, second] = await Promise.all(waiting);
    expect(second?.answer).toEqual(first?.answer);
    const known = lab.approvals.answerFor('client', phone.subject);
    const session = known?.allowed === true ? known.session : undefined;
    expect(session).toMatchObject({
      kind: 'client',
      label: 'Phone',
      parentId: null,
      personId: lab.owner.id,
      lastAddress: '192.168.1.7',
      expiresAt: lab.clock.now() + days(90),
    });
    expect(first?.answer).toEqual(known);
    expect(lab.approvals.remembered()).toMatchObject([
      { kind: 'client', label: 'Phone', allowed: true, sessionId: session?.id, decidedBy: 'Ada' },
    ]);
    expect((await ring(lab)).answer).toEqual(known);
    expect(lab.approvals.pending.value).toEqual([]);
    // It is for this kind alone.
    expect(lab.approvals.answerFor('agent', phone.subject)).toBeUndefined();
  });

  it.each([
    'the session is revoked',
    'the answer is forgotten',
    'the owner is no more',
    'nobody came for 90 days',
  ])('ends when %s, and is asked for again', async (how) => {
    const lab = await open();
    await ring(lab);
    answer(lab, true);
    const { id, sessionId } = onlyAnswer(lab);
    if (how === 'the session is revoked') lab.sessions.end(sessionId ?? '');
    if (how === 'the answer is forgotten') lab.approvals.forget(id, 'Ada', '192.168.1.2');
    if (how === 'the owner is no more') lab.sessions.endAllOf(lab.owner.id);
    if (how === 'nobody came for 90 days') await lab.clock.advance(days(90));
    expect(lab.approvals.answerFor('client', phone.subject)).toBeUndefined();
    expect(lab.sessions.find(sessionId)).toBeUndefined();
    expect((await ring(lab)).answer).toBe('pending');
    answer(lab, true);
    expect((await ring(lab)).answer).toMatchObject({ allowed: true });
    expect(lab.approvals.remembered()).toHaveLength(1);
  });
});

describe('a no', () => {
  it('is remembered until it is forgotten', async () => {
    const lab = await open();
    await ring(lab);
    answer(lab, false);
    await lab.clock.advance(days(400));
    expect((await ring(lab)).answer).toEqual({ allowed: false });
    expect(lab.approvals.pending.value).toEqual([]);
    const [no] = lab.approvals.remembered();
    expect(no).toMatchObject({ allowed: false, sessionId: null });
    lab.approvals.forget(no?.id ?? '', 'Ada', null);
    expect(lab.approvals.remembered()).toEqual([]);
    expect(() => lab.approvals.forget(no?.id ?? '', 'Ada', null)).toThrow('no such question or answer');
    expect((await ring(lab)).answer).toBe('pending');
  });
});

it('keeps answers over a restart, and questions not', async () => {
  const before = await open();
  for (const [n, allow] of [true, false].entries()) {
    await ring(before, numbered(n));
    answer(before, allow);
  }
  await ring(before);
  const remembered = before.approvals.remembered();
  const after = await before.again();
  expect(after.approvals.pending.value).toEqual([]);
  expect(after.approvals.remembered()).toEqual(remembered);
  expect((await ring(after, numbered(0))).answer).toMatchObject({ allowed: true });
  expect((await ring(after, numbered(1))).answer).toEqual({ allowed: false });
  const yes = remembered.find(({ allowed }) => allowed);
  after.sessions.end(yes?.sessionId ?? '');
  const last = await after.again();
  expect((await ring(last, numbered(0))).answer).toBe('pending');
});

it('writes down who asked and who answered, and the subject nowhere', async () => {
  const folder = temporaryFolder();
  const lab = await open(folder);
  await ring(lab);
  answer(lab, true);
  await ring(lab, { ...numbered(1), label: 'Tablet' });
  answer(lab, false);
  for (const { id } of lab.approvals.remembered()) lab.approvals.forget(id, 'Ada', '192.168.1.2');
  const record = lab.audit.read().map(({ action, who, what }) => `${action} ${who} ${what}`.trim());
  for (const entry of [
    'approval-asked Phone',
    'approval-allowed Ada Phone',
    'approval-asked Tablet',
    'approval-refused Ada Tablet',
    'approval-forgotten Ada Tablet',
    'approval-forgotten Ada Phone',
  ])
    expect(record).toContain(entry);
  const stored = ['access.sqlite', 'access.sqlite-wal'].map((file) =>
    readFileSync(join(folder, file), 'latin1'),
  );
  expect(stored.join('')).not.toContain('secret of');
});
