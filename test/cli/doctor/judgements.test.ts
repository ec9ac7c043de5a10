import { describe, expect, it } from 'vitest';
import { judgeCertificate } from '../../../src/cli/doctor/certificate.ts';
import { type Check, ok, runChecks } from '../../../src/cli/doctor/check.ts';
import { judgeClock } from '../../../src/cli/doctor/clock.ts';
import type { DoctorContext } from '../../../src/cli/doctor/context.ts';
import { judgeMain } from '../../../src/cli/doctor/dns.ts';
import { reportText } from '../../../src/cli/doctor/report.ts';
import { days, hours, minutes, seconds } from '../../../src/kit/runtime/clock.ts';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { tooLong } from '../run.ts';

const now = Date.UTC(2026, 10, 23, 6);

/** These checks look at nothing. */
const context = {} as DoctorContext;
const check = (run: () => Promise<never>): Check => ({ name: 'it', run });
const server = (ahead: number): { name: string; time: number } => ({ name: 'the CA', time: now + ahead });
const lasting = (left: number): { notBefore: number; notAfter: number; names: string[] } => ({
  notBefore: now + left - days(90),
  notAfter: now + left,
  names: ['x.box.test', '*.x.box.test'],
});

describe('the clock', () => {
  it.each([
    ['as a server says, but for whole seconds', [server(-900)], 'ok', 'as the CA says'],
    ['a little behind', [server(seconds(30))], 'ok', '30 seconds behind the CA'],
    ['minutes behind', [server(minutes(10))], 'warning', '10 minutes behind'],
    ['hours ahead', [server(-hours(5))], 'error', '5 hours ahead of'],
    ['years behind', [server(days(800))], 'error', '800 days behind'],
    ['as one of two servers says', [server(days(9)), server(0)], 'ok', 'as the CA says'],
    ['told by no server', [], 'warning', 'plausible'],
  ])('%s', (_, servers, verdict, found) => {
    const finding = judgeClock({ now, builtAt: now - days(30), servers });
    expect(finding).toMatchObject({ verdict, found: expect.stringContaining(found) as string });
  });

  it('is wrong before the build, when nobody else can be asked', () => {
    const finding = judgeClock({ now, builtAt: now + hours(1), servers: [] });
    expect(finding).toMatchObject({
      verdict: 'error',
      remedy: expect.stringContaining('timedatectl') as string,
    });
  });
});

describe('the main name', () => {
  it.each([
    [[], ['192.168.1.2'], 'error', 'no address yet'],
    [['192.168.1.2'], ['192.168.1.2', '2001:db8::2'], 'ok', '192.168.1.2'],
    [['192.168.1.9'], ['192.168.1.2'], 'error', 'holds 192.168.1.9, but this machine has 192.168.1.2'],
    [['192.168.1.2', '192.168.1.9'], ['192.168.1.2'], 'warning', 'also holds 192.168.1.9'],
    [['192.168.1.2'], [], 'warning', 'holds 192.168.1.2'],
  ])('%j on a machine with %j: %s', (main, own, verdict, found) => {
    expect(judgeMain(main, own)).toMatchObject({ verdict, found: expect.stringContaining(found) as string });
  });
});

describe('the certificate', () => {
  it.each([
    [days(60), undefined, 'ok', '60 days left (until 2027-01-22)'],
    [days(20), undefined, 'warning', '20 days left (until 2026-12-13), and its renewal is overdue'],
    [-days(1), 'CERT_HAS_EXPIRED', 'error', 'expired on 2026-11-22'],
    [days(91), 'CERT_NOT_YET_VALID', 'error', 'not valid yet'],
    [days(60), 'SELF_SIGNED_CERT_IN_CHAIN', 'error', 'its root is not trusted here'],
    [days(60), 'SOME_NEW_CODE', 'error', 'SOME_NEW_CODE'],
  ])('with %i ms left and the refusal %s: %s', (left, refusal, verdict, found) => {
    const finding = judgeCertificate(lasting(left), now, refusal);
    expect(finding).toMatchObject({ verdict, found: expect.stringContaining(found) as string });
  });
});

describe('running checks', () => {
  it('gives up one that never ends, and keeps the findings of the others', async () => {
    const stuck = check(() => new Promise(() => undefined));
    const [late, fine] = await runChecks(
      [stuck, { name: 'other', run: async () => ok('fine') }],
      context,
      20,
    );
    expect(late).toMatchObject({ verdict: 'error', found: 'no answer within 0.02 s' });
    expect(fine).toEqual({ check: 'other', verdict: 'ok', found: 'fine' });
  });

  it('makes a finding with a remedy of whatever is thrown', async () => {
    const problem = check(() => Promise.reject(new Problem('rate-limited', 'too often')));
    const system = check(() => Promise.reject(Object.assign(new Error('EACCES: no'), { code: 'EACCES' })));
    const strange = check(() => Promise.reject(new TypeError('x is not a function')));
    const found = await runChecks([problem, system, strange], context, 1000);
    expect(found.map(({ verdict }) => verdict)).toEqual(['error', 'error', 'error']);
    expect(found[0]?.remedy).toContain('wait a little');
    expect(found[1]?.remedy).toContain('sudo');
    expect(found[2]).toMatchObject({ found: 'x is not a function', remedy: expect.any(String) as string });
  });
});

it('the report: a mark, what was checked and found, the remedy below it, box ids cut short', () => {
  const id = 'ps3xu2q4xd7nia6fl5bmni3qd2n4g7ovth7x5mayid2dyqkkkxza';
  const text = reportText([
    { check: 'certificate', verdict: 'ok', found: `for ${id}.box.test` },
    {
      check: 'CA',
      verdict: 'error',
      found: 'no answer '.repeat(12).trim(),
      remedy: 'look again '.repeat(9).trim(),
    },
    { check: 'page', verdict: 'skipped', found: 'not checked' },
    { check: 'clock', verdict: 'warning', found: 'late', remedy: 'hurry' },
  ]);
  expect(text.split('\n').slice(0, 2)).toEqual([
    '✓ certificate  for ps3xu2q4….box.test',
    `✗ CA           ${'no answer '.repeat(6)}no`,
  ]);
  expect(text).toContain('\n               → look again');
  expect(text).toContain('\n– page         not checked\n! clock        late\n               → hurry\n\n');
  expect(text).toContain('1 thing does not work, 1 needs a look.');
  expect(tooLong(text)).toEqual([]);
});
