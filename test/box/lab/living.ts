import type { WebSocket } from 'ws';
import type { MailboxServer } from '../../../src/cloud/mailbox/mailbox.ts';
import { agentBoxPaths } from '../../../src/protocol/agent-api.ts';
import { pairAgent, withToken } from '../auth/agents/paired.ts';
import { connectSecurely, enrolled, type EnrolmentLab, type Key } from '../auth/enrolment/flow.ts';
import { type House, PhoneApp } from '../auth/instances/house.ts';
import { appOrigin, Browser, clientId, fromApp, password, refresh, socket } from './lab.ts';
import { authorise, bearer, fromProgram, openSocket, paired } from '../auth/pairing/flow.ts';

/** Somebody who was let in by one of the ways, with all that the way gave them, and what they try with it. */
export interface Living {
  kind: string;
  /** Of the session. */
  id: string;
  parent: Living | undefined;
  /** The box does what they ask. */
  works(lab: EnrolmentLab): Promise<boolean>;
  /** They come in again by what they kept: a refresh token, a client id. Asked only of those that are over. */
  returns(lab: EnrolmentLab): Promise<boolean>;
  /** All that whoever has it could come in with; the key of a device never leaves it. */
  secrets: readonly string[];
  /** They end it themselves, where the way has a call for that. */
  leave?: (lab: EnrolmentLab) => Promise<void>;
  /** A connection in their name, once the box has taken it; `undefined` when it does not. */
  connect?: (lab: EnrolmentLab) => Promise<WebSocket | undefined>;
}

/** Resolves when the box says something; `undefined` when it ends the connection first. */
async function taken(opened: WebSocket): Promise<WebSocket | undefined> {
  opened.on('error', () => undefined);
  return new Promise((resolve) => {
    opened.once('message', () => resolve(opened));
    opened.once('close', () => resolve(undefined));
  });
}

const idOf = (json: Record<string, unknown>): string => (json['session'] as { id: string }).id;

async function works(lab: EnrolmentLab, token: string): Promise<boolean> {
  const { status } = await fromProgram(lab, 'GET', '/api/me', { headers: bearer(token) });
  return status === 200;
}

/** The events socket has nothing to say to who comes: `changes` gives it something. */
export interface Changes {
  next(): void;
}

async function events(lab: EnrolmentLab, changes: Changes, token: string): Promise<WebSocket | undefined> {
  const opened = socket(lab, { origin: appOrigin });
  opened.on('open', () => opened.send(JSON.stringify({ accessToken: token })));
  const nudge = setInterval(() => changes.next(), 20);
  return taken(opened).finally(() => clearInterval(nudge));
}

/** A browser in which somebody signs in. */
export async function signIn(lab: EnrolmentLab, changes: Changes): Promise<Living & { browser: Browser }> {
  const browser = new Browser(lab);
  await browser.signIn();
  const { cookie } = browser;
  const at = (now: EnrolmentLab): Browser => Object.assign(new Browser(now), { cookie });
  return {
    kind: 'login',
    browser,
    secrets: [String(cookie), String(browser.csrf), password],
    id: idOf((await browser.call('GET', '/api/me')).json),
    parent: undefined,
    works: async (now) => (await at(now).call('GET', '/api/me')).status === 200,
    returns: async (now) => (await at(now).open())['stage'] === 'in',
    leave: async (now) => {
      const here = at(now);
      await here.open();
      await here.call('POST', '/api/logout');
    },
    connect: async (now) => {
      const { origin } = at(now);
      const opened = socket(now, { origin, cookie: `__Host-porchlight=${cookie}` });
      const nudge = setInterval(() => changes.next(), 20);
      return taken(opened).finally(() => clearInterval(nudge));
    },
  };
}

/** An app in the window of that browser. */
export async function app(
  parent: Living & { browser: Browser },
  lab: EnrolmentLab,
  changes: Changes,
): Promise<Living> {
  const { accessToken, refreshToken, code } = await parent.browser.connect();
  const me = await fromProgram(lab, 'GET', '/api/me', { headers: bearer(accessToken) });
  return {
    kind: 'app',
    secrets: [accessToken, refreshToken, code],
    id: idOf(me.json),
    parent,
    works: (now) => works(now, accessToken),
    returns: async (now) => (await refresh(now, refreshToken)).status === 200,
    leave: async (now) => {
      const form = { client_id: clientId, token: refreshToken };
      await fromApp(now, 'POST', '/oauth/revoke', { form });
    },
    connect: (now) => events(now, changes, accessToken),
  };
}

/** A program that an owner was asked about. */
export async function client(lab: EnrolmentLab, owner: Browser): Promise<Living> {
  const { clientId: knownAs, accessToken, sessionId } = await paired(lab, owner);
  return {
    kind: 'client',
    secrets: [knownAs, accessToken],
    id: sessionId,
    parent: undefined,
    works: (now) => works(now, accessToken),
    returns: async (now) => (await authorise(now, { clientId: knownAs, wait: 0 })).status === 200,
    connect: async (now) => taken(openSocket(now, bearer(accessToken)).socket),
  };
}

/** The program on somebody's computer that signs pages in. */
export async function agent(lab: EnrolmentLab, owner: Browser): Promise<Living & { token: string }> {
  const { accessToken, refreshToken } = await pairAgent(lab, owner);
  const me = await withToken(lab, accessToken, 'GET', '/api/me');
  return {
    kind: 'agent',
    secrets: [accessToken, refreshToken],
    token: accessToken,
    id: idOf(me.json),
    parent: undefined,
    works: async (now) => (await withToken(now, accessToken, 'GET', agentBoxPaths.view)).status === 200,
    returns: async (now) => {
      const form = {
        grant_type: 'refresh_token',
        client_id: 'porchlight-agent',
        refresh_token: refreshToken,
      };
      return (await fromApp(now, 'POST', '/oauth/token', { form })).status === 200;
    },
    connect: async (now) => taken(openSocket(now, bearer(accessToken)).socket),
  };
}

/** A page that this agent signs in. */
export async function page(
  parent: Living & { token: string },
  lab: EnrolmentLab,
  changes: Changes,
  deviceId: string,
): Promise<Living> {
  const body = { deviceId, deviceName: 'desk', platform: 'linux', origin: appOrigin };
  const { json } = await withToken(lab, parent.token, 'POST', agentBoxPaths.signIn, { body });
  const accessToken = String(json['access_token']);
  const refreshToken = String(json['refresh_token']);
  return {
    kind: 'page',
    secrets: [accessToken, refreshToken],
    id: String(json['sessionId']),
    parent,
    works: (now) => works(now, accessToken),
    returns: async (now) => (await refresh(now, refreshToken)).status === 200,
    connect: (now) => events(now, changes, accessToken),
  };
}

/** A device with a certificate of the box's. */
export async function device(lab: EnrolmentLab, owner: Browser, key: Key): Promise<Living> {
  const before = new Set(await idsOf(owner));
  const credentials = await enrolled(lab, owner, key);
  const id = (await idsOf(owner)).find((each) => !before.has(each)) ?? '';
  const connect = (now: EnrolmentLab): Promise<WebSocket | undefined> =>
    taken(connectSecurely(now, credentials).socket);
  const tries = async (now: EnrolmentLab): Promise<boolean> => {
    const made = await connect(now);
    made?.terminate();
    return made !== undefined;
  };
  return {
    kind: 'device',
    id,
    secrets: [],
    parent: undefined,
    works: tries,
    returns: tries,
    connect,
  };
}

/** An app on a phone, which signs what it asks. It has no socket of its own. */
export async function instance(lab: EnrolmentLab, owner: Browser, server: MailboxServer): Promise<Living> {
  const houseOf = (now: EnrolmentLab): House => ({ lab: now, owner, server, health: now.health });
  const phone = new PhoneApp(houseOf(lab));
  await phone.letIn();
  await phone.linked();
  const at = (now: EnrolmentLab): PhoneApp =>
    Object.assign(new PhoneApp(houseOf(now), phone.deviceId), { credentials: phone.credentials });
  return {
    kind: 'instance',
    secrets: phone.secrets,
    id: idOf((await phone.call('GET', '/api/me')).json),
    parent: undefined,
    works: async (now) => (await at(now).call('GET', '/api/me')).status === 200,
    returns: async (now) => (await at(now).call('POST', '/api/instance/ask', { wait: 0 })).status === 200,
    leave: async (now) => void (await at(now).call('DELETE', '/api/instance')),
  };
}

/** Of all sessions there are. */
export async function idsOf(owner: Browser): Promise<string[]> {
  const { json } = await owner.call('GET', '/api/sessions');
  return (json['sessions'] as { id: string }[]).map(({ id }) => id);
}
