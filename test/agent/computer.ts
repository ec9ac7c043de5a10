import { randomBytes } from 'node:crypto';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { Agent as Dispatcher, fetch, WebSocket } from 'undici';

import { Agent, type AgentOptions } from '../../src/agent/agent.ts';
import { Accounts } from '../../src/cli/agent/accounts.ts';
import { folderStore } from '../../src/client/node/folder-store.ts';
import { RememberedBoxes } from '../../src/client/remembered.ts';
import type { Runtime } from '../../src/client/runtime.ts';
import { OwnedFact } from '../../src/kit/runtime/fact.ts';
import { type Log, silentLog } from '../../src/kit/log/log.ts';
import type { Endpoints } from '../../src/protocol/access-api.ts';
import {
  agentBoxPaths,
  agentClient,
  agentPaths,
  type ExchangeRequest,
} from '../../src/protocol/agent-api.ts';
import { freePort } from '../../src/cli/home/free-port.ts';
import { pairAgent } from '../box/auth/agents/paired.ts';
import { type Answer, appOrigin, boxId, Browser, fromApp, type Lab, names, openLab } from '../box/lab/lab.ts';
import { atEndOfTest } from '../support/at-end.ts';
import { temporaryFolder } from '../support/folder.ts';

/** A person's computer with an agent that is paired with a real box. */
export interface Computer {
  lab: Lab;
  owner: Browser;
  agent: Agent;
  accounts: Accounts;
  /** Where the agent keeps its sessions. */
  folder: string;
  /** What the person was told. */
  told: string[];
  /** A page of the app asks the agent, unless `headers` say otherwise. */
  page: (method: string, path: string, call?: PageCall) => Promise<Answer>;
  /** What a page brings back from the box, for a fresh challenge. */
  signed: (changed?: Partial<ExchangeRequest>) => Promise<ExchangeRequest>;
}

interface PageCall {
  body?: unknown;
  headers?: Record<string, string | undefined>;
}

/** As a program sees the lab: names of the box lead there. */
export function labRuntime(lab: Lab): Partial<Runtime> & { close: () => Promise<void> } {
  const dispatcher = new Dispatcher({
    connect: {
      ca: lab.caPem,
      lookup: (_host, options, done) =>
        options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
    },
  });
  return {
    fetch: async (url, init) => fetch(url, { ...init, dispatcher } as Parameters<typeof fetch>[1]),
    openSocket: (url) => new WebSocket(url, { dispatcher }),
    close: () => dispatcher.destroy(),
  };
}

export async function openComputer(
  changed: Partial<AgentOptions> = {},
  log: Log = silentLog,
): Promise<Computer> {
  const ways = new OwnedFact<Endpoints>({ main: '', mirrors: [], tunnel: null, address: null });
  const lab = await openLab({ ways, log });
  ways.set({ ...ways.value, main: `https://${names.main}:${lab.port}` });
  const owner = new Browser(lab);
  await owner.open();
  await owner.firstRun();
  const { accessToken, refreshToken } = await pairAgent(lab, owner);

  const base = temporaryFolder();
  const folder = `${base}/agent`;
  const { close, ...runtime } = labRuntime(lab);
  const store = folderStore(folder);
  const boxes = new RememberedBoxes(store, runtime);
  await boxes.put({
    id: boxId,
    name: 'Our box',
    clientId: agentClient.clientId,
    ways: ways.value,
    outside: false,
    tokens: { access: accessToken, accessEndsAt: Date.now() + 600_000, refresh: refreshToken },
  });
  const { clock } = lab;
  const accounts = new Accounts({ folder, store, boxes, registration: undefined, runtime, clock, log });
  const told: string[] = [];
  const agent = new Agent({
    folder: base,
    port: await freePort(),
    uid: process.getuid?.(),
    boxes: accounts,
    origins: [],
    deviceName: 'desk',
    platform: 'linux',
    pageHours: 12,
    person: { allows: async () => true, tell: ({ origin, boxName }) => told.push(`${origin} ${boxName}`) },
    clock,
    log,
    ...changed,
  });
  await accounts.start();
  await agent.start();
  atEndOfTest(async () => {
    await agent.stop();
    await accounts.stop();
    await close();
  });
  const page = (method: string, path: string, call: PageCall = {}): Promise<Answer> =>
    ask(agent.port, method, path, call);
  const signed = async (given: Partial<ExchangeRequest> = {}): Promise<ExchangeRequest> => {
    const challenge = String((await page('GET', agentPaths.alive)).json['challenge']);
    const { json } = await fromApp(lab, 'POST', agentBoxPaths.challenge, { body: { challenge } });
    const { signedAt, signature } = json as unknown as ExchangeRequest;
    return { challenge, signedAt, signature, deviceId: randomBytes(8).toString('hex'), ...given };
  };
  return { lab, owner, agent, accounts, folder, told, page, signed };
}

function ask(port: number, method: string, path: string, { body, headers = {} }: PageCall): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const all: Record<string, string | undefined> = {
    host: `127.0.0.1:${port}`,
    origin: appOrigin,
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: given as Record<string, string>,
      agent: false,
    };
    const asked: ClientRequest = httpRequest(options, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (answer += chunk));
      response.on('end', () => {
        const json = answer.startsWith('{') ? (JSON.parse(answer) as Record<string, unknown>) : {};
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: answer, json });
      });
    });
    asked.on('error', reject);
    asked.end(text);
  });
}
