import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOTP } from 'otpauth';
import { Access } from '../../../src/box/access.ts';
import { Audit } from '../../../src/box/sessions/audit.ts';
import { rootNote } from '../../../src/box/audit-notes.ts';
import { Devices } from '../../../src/box/auth/enrolment/devices.ts';
import { Sessions } from '../../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { Backups, stageReset, stageRestore } from '../../../src/box/backup/backups.ts';
import { carryOut } from '../../../src/box/state/pending.ts';
import { loadIdentity } from '../../../src/box/identity/identity.ts';
import { OwnerSettings } from '../../../src/box/settings/owner-settings.ts';
import { UpdateHistory } from '../../../src/box/update/history.ts';
import { UpdateMemory } from '../../../src/box/update/update-record.ts';
import { days } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { Markers } from '../../../src/kit/store/markers.ts';
import { type AuditAction, auditActions } from '../../../src/protocol/audit-api.ts';
import { atCommits } from '../../support/die-at-commit.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { Authenticator } from '../lab/authenticator.ts';
import { identity } from '../lab/identity.ts';
import {
  accessOptions,
  appOrigin,
  boxId,
  Browser,
  home,
  type Lab,
  names,
  openLab,
  password,
  redirectUri,
  refresh,
} from '../lab/lab.ts';
import { noBackups, partRoutes } from '../lab/part-routes.ts';
import { authorise, decide, paired } from '../auth/pairing/flow.ts';

interface House {
  lab: Lab;
  owner: Browser;
  clock: FakeClock;
  settings: OwnerSettings;
  /** What `prepare` answered. */
  got: string;
}

interface Kind {
  prepare?: (house: House) => Promise<string | undefined>;
  act: (house: House) => Promise<unknown>;
  /** SQL or a reader of the state folder: what the action changes. `undefined`: it changes nothing. */
  changes: string | ((stateFolder: string) => Promise<unknown>) | undefined;
}

const member = { name: 'Bob', role: 'member' } as const;
const call = async (house: House, method: string, path: string, body?: unknown): Promise<string> => {
  const answer = await house.owner.call(method, path, body === undefined ? {} : { body });
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.text}`);
  return answer.text;
};
const field = (json: string, name: string): string =>
  String((JSON.parse(json) as Record<string, unknown>)[name]);
const invited = (house: House): Promise<string> => call(house, 'POST', '/api/people', member);
const asking = { clientId: '7b0b9a0e-3f6e-4a62-9a2f-0d2c4f9a1b11', name: 'Radio', wait: 0 };
const sessions = 'SELECT count(*) FROM session';

async function passkey(house: House): Promise<string> {
  const challenge = field(await call(house, 'POST', '/api/passkeys/options', {}), 'challenge');
  const response = new Authenticator().create({ challenge, rpId: names.main, origin: house.owner.origin });
  return field(await call(house, 'POST', '/api/passkeys', { label: 'Phone', response }), 'id');
}

async function totp(house: House): Promise<string> {
  const secret = field(await call(house, 'POST', '/api/second-factor/totp'), 'secret');
  return call(house, 'PUT', '/api/second-factor/totp', {
    code: new TOTP({ secret }).generate({ timestamp: house.clock.now() }),
  });
}

const approvals = 'SELECT count(*), coalesce(sum(session_id IS NOT NULL), 0) FROM approval';

/** Every kind of event, and the action that it is about. One that is new has no test yet, and fails. */
const kinds: Record<AuditAction, Kind | 'in a file of its own'> = {
  claimed: {
    act: async ({ owner }) => owner.firstRun(),
    changes: 'SELECT count(*) FROM person WHERE password IS NOT NULL',
  },
  'logged-in': { act: async ({ lab }) => new Browser(lab).signIn(), changes: sessions },
  'login-failed': { act: async ({ lab }) => new Browser(lab).signIn('Ada', 'wrong'), changes: undefined },
  'logged-out': { act: async (house) => call(house, 'POST', '/api/logout'), changes: sessions },
  'session-made': { act: async ({ owner }) => owner.connect(), changes: sessions },
  'session-ended': {
    prepare: async ({ lab, owner }) => (await paired(lab, owner)).sessionId,
    act: async (house) => call(house, 'DELETE', `/api/sessions/${house.got}`),
    changes: sessions,
  },
  'session-expired': { act: async ({ clock }) => clock.advance(days(31)), changes: sessions },
  'credential-replayed': {
    prepare: async ({ lab, owner }) => {
      const { refreshToken } = await owner.connect();
      const next = await refresh(lab, refreshToken);
      await refresh(lab, String(next.json['refresh_token']));
      return refreshToken;
    },
    act: async ({ lab, got }) => refresh(lab, got),
    changes: sessions,
  },
  'approval-asked': { act: async ({ lab }) => authorise(lab, asking), changes: undefined },
  'approval-allowed': {
    prepare: async ({ lab }) => (await authorise(lab, asking)).text,
    act: async ({ owner }) => decide(owner, true),
    changes: approvals,
  },
  'approval-refused': {
    prepare: async ({ lab }) => (await authorise(lab, asking)).text,
    act: async ({ owner }) => decide(owner, false),
    changes: approvals,
  },
  'approval-forgotten': {
    prepare: async ({ lab, owner }) => {
      await paired(lab, owner);
      const { json } = await owner.call('GET', '/api/approvals');
      return String((json['remembered'] as { id: string }[])[0]?.id);
    },
    act: async (house) => call(house, 'DELETE', `/api/approvals/${house.got}`),
    changes: approvals,
  },
  'person-invited': { act: invited, changes: 'SELECT count(*) FROM person' },
  'person-joined': {
    prepare: async (house) => field(await invited(house), 'inviteCode'),
    act: async ({ lab, got }) =>
      new Browser(lab).call('POST', '/api/join', { body: { inviteCode: got, password } }),
    changes: 'SELECT count(*) FROM person WHERE password IS NOT NULL',
  },
  'person-removed': {
    prepare: async (house) => field(await invited(house), 'id'),
    act: async (house) => call(house, 'DELETE', `/api/people/${house.got}`),
    changes: 'SELECT count(*) FROM person',
  },
  'password-changed': {
    act: async (house) =>
      call(house, 'PUT', '/api/password', { current: password, password: 'another long enough one' }),
    changes: 'SELECT password FROM person',
  },
  recovered: {
    prepare: async (house) => field(await call(house, 'POST', '/api/recovery-code'), 'recoveryCode'),
    act: async ({ lab, got }) =>
      new Browser(lab).call('POST', '/api/recover', {
        body: { name: 'Ada', recoveryCode: got, password: 'another long enough one' },
      }),
    changes: 'SELECT password FROM person',
  },
  'passkey-added': { act: passkey, changes: 'SELECT count(*) FROM passkey' },
  'passkey-removed': {
    prepare: passkey,
    act: async (house) => call(house, 'DELETE', `/api/passkeys/${house.got}`),
    changes: 'SELECT count(*) FROM passkey',
  },
  'second-factor-on': { act: totp, changes: 'SELECT count(*) FROM totp' },
  'second-factor-off': {
    prepare: totp,
    act: async (house) => call(house, 'DELETE', '/api/second-factor'),
    changes: 'SELECT count(*) FROM totp',
  },
  'recovery-code-made': {
    act: async (house) => call(house, 'POST', '/api/recovery-code'),
    changes: 'SELECT recovery_hash FROM person',
  },
  'apps-changed': {
    act: async (house) =>
      call(house, 'PUT', '/api/apps', {
        apps: [{ clientId: appOrigin, name: 'New', redirectUris: [redirectUri] }],
      }),
    changes: "SELECT value FROM setting WHERE name = 'apps'",
  },
  'settings-changed': {
    act: async (house) =>
      call(house, 'PUT', '/api/settings', { name: 'Ours', tunnel: true, discovery: 'off' }),
    changes: async (stateFolder) => {
      const settings = settingsIn(stateFolder, new FakeClock());
      await settings.start();
      await settings.stop();
      return settings.read();
    },
  },
  'credential-refused': {
    act: async ({ lab, owner }) => {
      await authorise(lab, asking);
      await decide(owner, false);
      await authorise(lab, asking);
    },
    changes: undefined,
  },
  'backup-made': {
    act: async (house) => call(house, 'POST', '/api/backup', { passphrase: 'a long passphrase here' }),
    changes: undefined,
  },
  'certificate-issued': 'in a file of its own',
  restored: 'in a file of its own',
  reset: 'in a file of its own',
  'update-installed': 'in a file of its own',
  'identity-copied': 'in a file of its own',
};

function settingsIn(stateFolder: string, clock: FakeClock): OwnerSettings {
  return new OwnerSettings({
    folder: join(stateFolder, 'settings'),
    configured: { name: 'Our box', tunnel: true },
    markers: new Markers(stateFolder),
    health: new Health(clock),
    log: silentLog,
    clock,
    random: () => 0.5,
  });
}

/** What the next start makes of a state folder: how often the event is in the log, and what the action changes. */
async function afterStart(
  stateFolder: string,
  now: number,
  action: AuditAction,
  changes: Kind['changes'],
): Promise<{ events: number; state: unknown }> {
  const clock = new FakeClock(now);
  const settings = settingsIn(stateFolder, clock);
  await settings.start();
  const folder = join(stateFolder, 'access');
  const access = new Access({
    ...accessOptions(clock),
    folder,
    visitorOf: () => home,
    routes: partRoutes({ settings }),
    notes: [settings.notes],
  });
  await access.start(new AbortController().signal);
  await clock.advance(0);
  await access.stop();
  await settings.stop();
  const database = new DatabaseSync(join(folder, 'access.sqlite'));
  const events = database.prepare('SELECT count(*) AS n FROM audit WHERE action = ?').get(action)?.['n'];
  const state = typeof changes === 'string' ? database.prepare(changes).all() : await changes?.(stateFolder);
  database.close();
  return { events: Number(events), state: JSON.stringify(state) };
}

let hook = (): void => undefined;
let unpatch = (): void => undefined;
beforeAll(() => {
  unpatch = atCommits(() => hook());
});
afterAll(() => unpatch());

describe('a cut right before or right after any commit leaves deed and event, or neither', () => {
  const listed = Object.entries(kinds).flatMap(([action, kind]) =>
    typeof kind === 'string' ? [] : [[action as AuditAction, kind] as const],
  );

  it('is tried for every kind of event', () => {
    expect(Object.keys(kinds).toSorted()).toEqual([...auditActions].toSorted());
  });

  it.each(listed)('%s', async (action, { prepare, act, changes }) => {
    const clock = new FakeClock();
    const stateFolder = temporaryFolder();
    const settings = settingsIn(stateFolder, clock);
    await settings.start();
    const lab = await openLab({
      clock,
      folder: join(stateFolder, 'access'),
      routes: partRoutes({ settings, backups: { ...noBackups, make: async () => Buffer.from('a backup') } }),
      notes: [settings.notes],
    });
    const house: House = { lab, owner: new Browser(lab), clock, settings, got: '' };
    if (action !== 'claimed') await house.owner.firstRun();
    house.got = (await prepare?.(house)) ?? '';
    const snapshots: { folder: string; now: number }[] = [];
    const take = (): void => {
      const folder = temporaryFolder();
      mkdirSync(folder, { recursive: true });
      // What a process leaves that is killed here.
      cpSync(stateFolder, folder, { recursive: true });
      snapshots.push({ folder, now: clock.now() });
    };
    take();
    hook = take;
    try {
      await act(house);
    } finally {
      hook = () => undefined;
    }
    take();
    const seen = [];
    for (const { folder, now } of snapshots) seen.push(await afterStart(folder, now, action, changes));
    await settings.stop();
    const [first, last] = [seen.at(0), seen.at(-1)];
    expect(last?.events).toBeGreaterThan(first?.events ?? 0);
    if (changes === undefined) return;
    expect(last?.state).not.toBe(first?.state);
    for (const { events, state } of seen)
      expect([events > (first?.events ?? 0), state !== first?.state]).toEqual(
        state === first?.state ? [false, false] : [true, true],
      );
  });
});

const count = (folder: string, action: AuditAction): Promise<{ events: number }> =>
  afterStart(folder, Date.UTC(2030, 0, 1), action, undefined);
const cut = (): never => {
  throw new Error('cut off');
};

describe('what is done outside of the store', () => {
  it('a restore and a reset bring their event with the state that they make', async () => {
    const clock = new FakeClock();
    const before = temporaryFolder();
    await stageReset(before, { forgetIdentity: false }, { note: rootNote('reset', clock.now()) });
    expect((await count(before, 'reset')).events).toBe(0);
    await carryOut(before);
    expect((await count(before, 'reset')).events).toBe(1);
    // Told once, however often the box starts.
    expect((await count(before, 'reset')).events).toBe(1);
    const passphrase = 'a long passphrase here';
    const stateFolder = temporaryFolder();
    await loadIdentity({ stateFolder, clock });
    const place = { zoneRoot: 'box.test', zoneApi: '', registration: '', acmeDirectory: '', apps: [] };
    const whole = { stateFolder, name: () => 'Our box', place, version: '1.0.0', clock };
    const file = await new Backups({ ...whole, restart: () => undefined }).make(passphrase);
    const after = temporaryFolder();
    await stageRestore(after, file, passphrase, { note: rootNote('restored', clock.now()) });
    expect((await count(after, 'restored')).events).toBe(0);
    await carryOut(after);
    expect((await count(after, 'restored')).events).toBe(1);
  });

  it('an update is begun with its event, which the next start tells', async () => {
    const clock = new FakeClock();
    const stateFolder = temporaryFolder();
    const history = (): UpdateHistory =>
      new UpdateHistory({
        memory: new UpdateMemory({ stateFolder, log: silentLog }),
        marks: { onTrial: async () => undefined } as never,
        version: '1.0.0',
        onKept: async () => undefined,
        clock,
        log: silentLog,
      });
    const note = rootNote('update-installed', clock.now());
    await history().begin({ version: '1.1.0', slot: 'B', before: {} }, note);
    const next = history();
    await next.load();
    expect(next.attempt?.version).toBe('1.1.0');
    expect(next.notes.value).toEqual([{ ...note, what: '1.1.0' }]);
  });

  it('a certificate is kept with its event or not at all', async () => {
    const { store, audit, devices, session } = await deviceHouse();
    const device = { keyFingerprint: 'k', commonName: 'Phone', app: 'app' };
    const pem = identity.certPem;
    expect(() => devices.keep(session, device, pem, cut)).toThrow('cut off');
    expect(store.all('SELECT * FROM device_certificate')).toEqual([]);
    devices.keep(session, device, pem, () =>
      audit.record({ action: 'certificate-issued', who: 'Phone', address: null }),
    );
    expect(store.all('SELECT * FROM device_certificate').length).toBe(1);
    expect(audit.read().length).toBe(1);
    store.close();
  });

  it('a deed whose event was forgotten is refused by the store, and undone', async () => {
    const { store, devices, session } = await deviceHouse();
    store.demandEvents();
    const device = { keyFingerprint: 'k', commonName: 'Phone', app: 'app' };
    expect(() => devices.keep(session, device, identity.certPem)).toThrow('without an audit event');
    expect(store.all('SELECT * FROM device_certificate')).toEqual([]);
    expect(() => store.run('DELETE FROM session')).toThrow('without an audit event');
    expect(store.all('SELECT * FROM session').length).toBe(1);
    store.close();
  });
});

async function deviceHouse(): Promise<{
  store: AccessStore;
  audit: Audit;
  devices: Devices;
  session: string;
}> {
  const clock = new FakeClock();
  const store = new AccessStore(temporaryFolder());
  await store.open();
  const all = new Sessions({ store, clock });
  const audit = new Audit({ store, clock, log: silentLog });
  const devices = new Devices({ store, sessions: all, clock, log: silentLog });
  const { id } = all.create({
    parentId: null,
    personId: null,
    kind: 'device',
    label: boxId,
    address: null,
    idleMs: null,
  });
  return { store, audit, devices, session: id };
}
