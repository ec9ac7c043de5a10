import { describe, expect, it, onTestFinished } from 'vitest';
import { Audit } from '../../../src/box/sessions/audit.ts';
import { People } from '../../../src/box/sessions/people.ts';
import { sessionRecord } from '../../../src/box/sessions/session-record.ts';
import { Sessions } from '../../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { days, minutes } from '../../../src/kit/runtime/clock.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { type AuditEntry, auditLimits } from '../../../src/protocol/audit-api.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { away, Browser, clientId, fromApp, home, openLab, password, refresh } from '../lab/lab.ts';

/** Newest first, without what is another at each run. */
async function recordOf(owner: Browser): Promise<Omit<AuditEntry, 'id' | 'at'>[]> {
  const { json } = await owner.call('GET', '/api/audit');
  return (json['entries'] as AuditEntry[]).map(({ action, who, what, address }) => ({
    action,
    who,
    what,
    address,
  }));
}

const actions = async (owner: Browser): Promise<string[]> =>
  (await recordOf(owner)).map(({ action }) => action);

describe('the record', () => {
  it('has who came in, who did not, and from where', async () => {
    const lab = await openLab();
    const owner = new Browser(lab);
    await owner.firstRun();
    lab.from = away;
    await new Browser(lab).signIn('Ada', 'not her password');
    await new Browser(lab).signIn('hunter2 typed too early', 'Ada');
    lab.from = home;
    const again = new Browser(lab);
    await again.signIn();
    await again.call('POST', '/api/logout');
    const address = home.address;
    expect(await recordOf(owner)).toEqual([
      { action: 'logged-out', who: 'Ada', what: 'unknown device', address },
      { action: 'logged-in', who: 'Ada', what: 'unknown device', address },
      // What was typed as a name is kept only when it is one.
      { action: 'login-failed', who: '', what: '', address: away.address },
      { action: 'login-failed', who: 'Ada', what: '', address: away.address },
      { action: 'logged-in', who: 'Ada', what: 'unknown device', address },
      { action: 'claimed', who: 'Ada', what: '', address },
    ]);
  });

  it('has what owners do', async () => {
    const lab = await openLab();
    const owner = new Browser(lab);
    await owner.firstRun();
    const { json } = await owner.call('POST', '/api/people', { body: { name: 'Bob', role: 'member' } });
    const bob = new Browser(lab);
    await bob.call('POST', '/api/join', { body: { inviteCode: json['inviteCode'], password } });
    await owner.call('PUT', '/api/settings', { body: { name: 'Ours', tunnel: true, discovery: 'off' } });
    await owner.call('PUT', '/api/password', {
      body: { current: password, password: 'another good password' },
    });
    await owner.call('DELETE', `/api/people/${String(json['id'])}`);
    expect(await actions(owner)).toEqual([
      'person-removed',
      'session-ended',
      'password-changed',
      'settings-changed',
      'logged-in',
      'person-joined',
      'person-invited',
      'logged-in',
      'claimed',
    ]);
    expect((await recordOf(owner))[1]).toMatchObject({ who: 'Ada', what: 'unknown device' });
  });

  it('has each session that is made and ended, by whom, and how much ended with it', async () => {
    const lab = await openLab();
    const owner = new Browser(lab);
    await owner.firstRun();
    const other = new Browser(lab);
    await other.signIn();
    await other.connect();
    await other.connect();
    const { json } = await owner.call('GET', '/api/sessions');
    const sessions = json['sessions'] as { id: string; kind: string; current: boolean }[];
    const mine = sessions.find(({ kind, current }) => kind === 'login' && !current);
    await owner.call('DELETE', `/api/sessions/${mine?.id}`);
    expect((await recordOf(owner)).slice(0, 2)).toMatchObject([
      { action: 'session-ended', who: 'Ada', what: 'unknown device (+2)' },
      { action: 'session-made', who: 'Ada', what: 'Porchlight · unknown device' },
    ]);

    const app = await owner.connect();
    const form = { token: app.refreshToken, client_id: clientId };
    await fromApp(lab, 'POST', '/oauth/revoke', { form });
    const what = 'Porchlight · unknown device';
    expect((await recordOf(owner))[0]).toMatchObject({ action: 'session-ended', who: what, what });

    // A token that comes back after it was traded is in two hands.
    const twice = await owner.connect();
    await refresh(lab, twice.refreshToken);
    await lab.clock.advance(minutes(5));
    await refresh(lab, twice.refreshToken);
    expect((await recordOf(owner))[0]).toEqual({
      action: 'credential-replayed',
      who: '',
      what,
      address: null,
    });

    await new Browser(lab).signIn();
    await lab.clock.advance(days(29));
    await owner.open();
    await lab.clock.advance(days(2));
    await expect.poll(async () => (await recordOf(owner))[0]).toMatchObject({ action: 'session-expired' });
  });

  it('is for owners', async () => {
    const lab = await openLab();
    const owner = new Browser(lab);
    await owner.firstRun();
    const { json } = await owner.call('POST', '/api/people', { body: { name: 'Bob', role: 'member' } });
    const bob = new Browser(lab);
    await bob.call('POST', '/api/join', { body: { inviteCode: json['inviteCode'], password } });
    await bob.open();
    expect((await bob.call('GET', '/api/audit')).status).toBe(403);
    expect((await new Browser(lab).call('GET', '/api/audit')).status).toBe(401);
  });
});

async function open(): Promise<{ clock: FakeClock; store: AccessStore; audit: Audit }> {
  const clock = new FakeClock();
  const store = new AccessStore(temporaryFolder());
  await store.open();
  onTestFinished(() => store.close());
  return { clock, store, audit: new Audit({ store, clock, log: silentLog }) };
}
const action = { action: 'settings-changed', who: 'Ada', address: null } as const;

describe('what is kept of the record', () => {
  it('is ninety days, and a bounded number of entries', async () => {
    const { clock, store, audit } = await open();
    audit.record(action);
    await clock.advance(days(auditLimits.keepDays) - minutes(1));
    audit.record(action);
    audit.sweep();
    expect(audit.read().length).toBe(2);
    await clock.advance(minutes(2));
    audit.sweep();
    expect(audit.read().length).toBe(1);
    store.transaction(() => {
      for (let count = 0; count < auditLimits.entries + 50; count++) audit.record(action);
    });
    audit.sweep();
    expect(store.get('SELECT count(*) AS count FROM audit')?.['count']).toBe(auditLimits.entries);
    const [newest] = audit.read();
    const page = audit.read(newest?.id);
    expect([page.length, page[0]?.id]).toEqual([auditLimits.page, (newest?.id ?? 0) - 1]);
  });

  it('is little of what strangers cause, and all that others do', async () => {
    const { clock, audit } = await open();
    for (let count = 0; count < 1000; count++)
      audit.record({ action: 'login-failed', who: '', address: '203.0.113.9' });
    expect(audit.read().length).toBeLessThan(50);
    const strangers = audit.read().length;
    for (let count = 0; count < 100; count++) audit.record(action);
    expect(audit.read().length).toBe(strangers + 100);
    await clock.advance(minutes(2));
    audit.record({ action: 'login-failed', who: '', address: '203.0.113.9' });
    expect(audit.read()[0]?.action).toBe('login-failed');
  });

  it('is little of what app instances do that nobody has let in, and all that owners do to them', async () => {
    const { clock, store, audit } = await open();
    const sessions = new Sessions({ store, clock });
    const people = new People({ store, sessions, clock });
    people.open();
    sessions.recordBy(sessionRecord({ people, audit }));
    const make = (personId: string | null): string =>
      sessions.create({
        parentId: null,
        personId,
        kind: 'instance',
        label: 'App',
        address: null,
        idleMs: null,
      }).id;
    const count = (): number => Number(store.get('SELECT count(*) AS count FROM audit')?.['count']);
    for (let times = 0; times < 100; times++) {
      sessions.end(make(null));
      sessions.end(make(null), { who: 'App', address: '203.0.113.9', byItself: true });
    }
    const strangers = count();
    expect(strangers).toBeGreaterThan(0);
    expect(strangers).toBeLessThan(50);
    sessions.end(make(null), { who: 'Ada' });
    expect(audit.read()[0]).toMatchObject({ action: 'session-ended', who: 'Ada', what: 'App' });
    expect(count()).toBe(strangers + 1);
    const { person } = people.claim('Ada', 'a hash');
    sessions.end(make(person.id));
    expect(count()).toBe(strangers + 3);
  });

  it('is text that can be read, and no more of it than fits', async () => {
    const { audit } = await open();
    audit.record({ ...action, what: `\u202Eevil\n\u001B[31m${'x'.repeat(1000)}` });
    const [entry] = audit.read();
    expect(entry?.what).toMatch(/^[^\p{C}\n]{1,200}$/u);
  });

  it('keeps nobody from what changes nothing when it cannot be written', async () => {
    const { store, audit } = await open();
    store.close();
    expect(() => audit.note(action)).not.toThrow();
  });
});
