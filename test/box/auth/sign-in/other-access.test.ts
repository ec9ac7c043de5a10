import { beforeEach, describe, expect, it } from 'vitest';
import { Authenticator } from '../../lab/authenticator.ts';
import {
  appOrigin,
  Browser,
  clientId,
  fromApp,
  type Lab,
  names,
  openLab,
  password,
  redirectUri,
} from '../../lab/lab.ts';
import { bearer, paired } from '../pairing/flow.ts';

interface Item {
  id: string;
  kind: string;
  label: string;
}

let lab: Lab;
let owner: Browser;
let recoveryCode: string;
let app: { accessToken: string };
let program: string;

const listed = { clientId: 'thief', name: 'Thief', redirectUris: ['https://thief.test/'] };

/** Whoever had the cookie for a while has left all of this behind. */
beforeEach(async () => {
  lab = await openLab();
  owner = new Browser(lab);
  recoveryCode = String((await owner.firstRun()).json['recoveryCode']);
  const { json } = await owner.call('POST', '/api/passkeys/options', { body: {} });
  const place = { rpId: names.main, origin: owner.origin, challenge: String(json['challenge']) };
  const body = { label: 'Phone', response: new Authenticator().create(place) };
  await owner.call('POST', '/api/passkeys', { body });
  await owner.call('POST', '/api/people', { body: { name: 'Mallory', role: 'owner' } });
  const own = { clientId, name: 'Porchlight', redirectUris: [redirectUri] };
  await owner.call('PUT', '/api/apps', { body: { apps: [own, listed] } });
  app = await owner.connect();
  program = (await paired(lab, owner)).accessToken;
});

const kinds = (items: unknown): string[] => (items as Item[]).map(({ kind }) => kind).toSorted();
const idOf = (items: unknown, kind: string): string =>
  (items as Item[]).find((each) => each.kind === kind)?.id ?? '';
const appWorks = async (): Promise<boolean> =>
  (await fromApp(lab, 'GET', '/api/me', { headers: { ...bearer(app.accessToken), origin: appOrigin } }))
    .status === 200;
const programWorks = async (): Promise<boolean> =>
  (await fromApp(lab, 'GET', '/api/me', { headers: bearer(program) })).status === 200;
const everything = ['app', 'client', 'invitation', 'listed', 'passkey'];

async function left(): Promise<string[]> {
  const back = new Browser(lab);
  await back.signIn('Ada', 'a new beginning');
  return kinds((await back.call('GET', '/api/account/access')).json['items']);
}

const known = (): object => ({ name: 'Ada', recoveryCode });

describe('the recovery code', () => {
  it('shows what else lets somebody in, without being used up, and ends it all', async () => {
    const looked = await new Browser(lab).call('POST', '/api/recover/access', { body: known() });
    expect(kinds(looked.json['items'])).toEqual(everything);
    expect([await appWorks(), await programWorks()]).toEqual([true, true]);
    const body = { ...known(), password: 'a new beginning' };
    expect((await new Browser(lab).call('POST', '/api/recover', { body })).status).toBe(201);
    expect([await appWorks(), await programWorks()]).toEqual([false, false]);
    expect(await left()).toEqual([]);
    const back = new Browser(lab);
    await back.signIn('Ada', 'a new beginning');
    expect((await back.call('GET', '/api/people')).json['people']).toHaveLength(1);
    expect((await back.call('GET', '/api/apps')).json['apps']).toHaveLength(1);
    expect(await owner.open()).toMatchObject({ stage: 'login' });
  });

  it('keeps what was ticked, also an app, whose sign-in ends', async () => {
    const looked = await new Browser(lab).call('POST', '/api/recover/access', { body: known() });
    const { items } = looked.json;
    const keep = [idOf(items, 'app'), idOf(items, 'passkey')];
    const body = { ...known(), password: 'a new beginning', keep };
    const visitor = new Browser(lab);
    expect((await visitor.call('POST', '/api/recover', { body })).status).toBe(201);
    expect([await appWorks(), await programWorks()]).toEqual([true, false]);
    expect(await left()).toEqual(['app', 'passkey']);
    // It hangs below the sign-in of the recovery from now on.
    await visitor.open();
    await visitor.call('POST', '/api/logout');
    expect(await appWorks()).toBe(false);
  });

  it('that is wrong shows nothing', async () => {
    const body = { name: 'Ada', recoveryCode: 'AAAA-AAAA-AAAA-AAAA-AAAA' };
    const looked = await new Browser(lab).call('POST', '/api/recover/access', { body });
    expect(looked).toMatchObject({ status: 401, json: { code: 'wrong-recovery-code' } });
  });
});

describe('a change of the password', () => {
  it('ends what else lets somebody in, but what is kept and the session that asks', async () => {
    const { items } = (await owner.call('GET', '/api/account/access')).json;
    expect(kinds(items)).toEqual(everything);
    const keep = [idOf(items, 'client')];
    const body = { current: password, password: 'a new beginning', keep };
    expect((await owner.call('PUT', '/api/password', { body })).status).toBe(204);
    expect([await appWorks(), await programWorks()]).toEqual([false, true]);
    expect(await owner.open()).toMatchObject({ stage: 'in' });
    expect(await left()).toEqual(['client']);
    const { entries } = (await owner.call('GET', '/api/audit')).json as { entries: { action: string }[] };
    const done = entries.map(({ action }) => action);
    for (const action of [
      'password-changed',
      'passkey-removed',
      'person-removed',
      'apps-changed',
      'session-ended',
    ])
      expect(done).toContain(action);
  });
});
