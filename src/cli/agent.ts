import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { Type } from 'typebox';
import { Agent } from '../agent/agent.ts';
import { installLink } from '../agent/install.ts';
import { Person } from '../agent/person.ts';
import { agentFolder } from '../agent/places.ts';
import { PortFile } from '../agent/port-file.ts';
import { RememberedBoxes } from '../client/index.ts';
import { folderStore } from '../client/node/folder-store.ts';
import { nodeRuntime } from '../client/node/node-runtime.ts';
import { systemClock } from '../kit/runtime/clock.ts';
import { command, exitCode, type Io, logFor } from '../kit/config/command.ts';
import { logSettings, portSetting } from '../kit/config/common-settings.ts';
import { codeOf, messageOf, Problem } from '../kit/runtime/errors.ts';
import { lockFolder } from '../kit/store/lock.ts';
import { runUntilEnded } from '../kit/runtime/run.ts';
import { ServiceGroup } from '../kit/runtime/service.ts';
import { agentLimits, agentLink } from '../protocol/agent-api.ts';
import { shortId } from '../protocol/constants.ts';
import { Accounts, type AccountsOptions } from './agent/accounts.ts';
import { openInBrowser, pair } from './agent/pair.ts';
import { PairedAccount } from './agent/paired-account.ts';
import { targetOf } from './agent/target.ts';
import { marks } from './terminal.ts';

const AgentConfig = Type.Object({
  folder: Type.String({
    default: '',
    description:
      'folder for sessions and port file; empty: Porchlight in the folder for settings of the person (~/.config)',
  }),
  port: portSetting(0, 'loopback port; 0: the first free one of 41000 to 41020, where pages look'),
  ask: Type.Boolean({ default: false, description: 'ask the person before a page is signed in' }),
  origin: Type.Array(Type.String({ pattern: '^https?://[^/ ,]+$' }), {
    default: [],
    allowed: 'origins, https://HOST, separated by commas',
    description: 'sign in pages of these origins alone; empty: of all apps on the boxes’ lists',
  }),
  hours: Type.Number({
    default: 12,
    minimum: 0.1,
    maximum: agentLimits.pageSeconds / 3600,
    description: 'how long a page is signed in',
  }),
  registration: Type.String({
    default: 'https://registration.porchlight.example:4443',
    pattern: '^https://[^/ ]+$',
    allowed: 'https://HOST or https://HOST:PORT',
    description: 'the registration-server, which knows the boxes behind this computer’s address',
  }),
  caFile: Type.String({
    default: '',
    description: 'PEM file of a private CA to trust besides the system’s; empty: none',
  }),
  log: logSettings,
});

type Config = Parameters<Parameters<typeof command<typeof AgentConfig>>[0]['action']>[0]['config'];

export const agentCommand = command({
  name: 'agent',
  summary:
    'Lends this computer’s session at a box to the browser here: a page is signed in with one click. Runs until it is told to end.',
  operands: '[pair [BOX] | status | logout [BOX…]]',
  switches: { install: `let pages start the agent by ${agentLink}` },
  config: AgentConfig,
  action: async ({ config, operands: [what, ...names], switches }, io) => {
    if (switches.has('install')) return install(io);
    // A desktop hands on whatever a page opened; nothing but this one address is meant.
    const opened = what?.toLowerCase().startsWith('porchlight:') === true;
    if (opened && what !== agentLink) throw new Problem('usage', `only ${agentLink} can be opened`);
    const home = await homeOf(config, io);
    try {
      if (what === undefined || opened) return await run(config, home, io, opened);
      if (what === 'pair' && names.length <= 1) return await pairWith(names[0], home, io);
      if (what === 'status' && names.length === 0) return await status(home, io);
      if (what === 'logout') return await signOut(names, home, io);
      throw new Problem('usage', `it takes no “${[what, ...names].join(' ')}”; see porchlight agent --help`);
    } finally {
      await home.runtime.close();
    }
  },
});

type Home = Omit<AccountsOptions, 'runtime'> & {
  registration: string;
  runtime: ReturnType<typeof nodeRuntime>;
  /** Of the port file and the lock; the sessions are below. */
  base: string;
};

async function homeOf(config: Config, io: Io): Promise<Home> {
  const base = config.folder || agentFolder({ name: process.platform, env: io.env });
  const folder = join(base, 'agent');
  const caPem = config.caFile === '' ? undefined : await readFile(config.caFile, 'utf8');
  const runtime = nodeRuntime({ caPem, locks: join(folder, 'locks') });
  const store = folderStore(folder);
  const boxes = new RememberedBoxes(store, runtime);
  const log = logFor(config.log, { ...io, out: io.err }).child({ part: 'agent' });
  const { registration } = config;
  return { base, folder, store, boxes, registration, runtime, clock: systemClock, log };
}

async function run(config: Config, home: Home, io: Io, opened: boolean): Promise<number> {
  const accounts = new Accounts(home);
  const agent = new Agent({
    folder: home.base,
    port: config.port,
    uid: process.getuid?.(),
    boxes: accounts,
    origins: config.origin,
    deviceName: hostname().slice(0, 63) || 'this computer',
    platform: process.platform,
    pageHours: config.hours,
    person: new Person({
      ask: config.ask,
      platform: process.platform,
      terminal: process.stdin.isTTY ? { input: process.stdin, output: process.stderr } : undefined,
      err: io.err,
      log: home.log,
    }),
    clock: systemClock,
    log: home.log,
  });
  try {
    await runUntilEnded(new ServiceGroup({ name: 'agent', parts: [accounts, agent], log: home.log }));
    return exitCode.ok;
  } catch (error) {
    if (codeOf(error) !== 'state-in-use') throw error;
    // What a page wanted to start is there already.
    if (opened) return exitCode.ok;
    throw new Problem('agent-runs', `an agent runs already for ${home.base}; see porchlight agent status`);
  }
}

async function pairWith(name: string | undefined, home: Home, io: Io): Promise<number> {
  const target = await targetOf(name, home);
  const openBrowser = (url: string): void => {
    io.err(`Open this in your browser, if it does not open by itself:\n\n    ${url}\n\n`);
    openInBrowser(process.platform, url);
  };
  const box = await pair({ ...home, target, openBrowser });
  io.out(`${marks.ok} paired with ${box.name} (${shortId(box.id)})\n`);
  if (!isRunning(home.base)) io.out('Start the agent now: porchlight agent\n');
  return exitCode.ok;
}

async function status({ base, boxes }: Home, io: Io): Promise<number> {
  const running = isRunning(base);
  const port = running ? await new PortFile(base).read() : undefined;
  io.out(running ? `${marks.ok} runs on port ${port ?? '?'}\n` : `${marks.error} does not run\n`);
  const list = await boxes.list();
  for (const { id, name, tokens } of list)
    io.out(
      `${tokens === null ? marks.error : marks.ok} ${name} (${shortId(id)})${tokens === null ? ': signed out' : ''}\n`,
    );
  if (list.length === 0) io.out(`${marks.warning} not paired with any box: porchlight agent pair\n`);
  return running && list.some(({ tokens }) => tokens !== null) ? exitCode.ok : exitCode.unhealthy;
}

const fits = (name: string, box: { id: string; name: string }): boolean =>
  box.name === name || (name.length >= 8 && box.id.startsWith(name));

/** Out of all boxes, or of those that are named: with every page that was signed in from here. */
async function signOut(names: readonly string[], home: Home, io: Io): Promise<number> {
  const all = await home.boxes.list();
  const unknown = names.find((name) => !all.some((box) => fits(name, box)));
  if (unknown !== undefined) throw new Problem('usage', `this agent is not paired with “${unknown}”`);
  let failed = false;
  for (const box of all.filter((each) => names.length === 0 || names.some((name) => fits(name, each)))) {
    const account = new PairedAccount({ ...home, box });
    try {
      await account.signOut();
      io.out(`${marks.ok} ${box.name}: signed out, and every page with it\n`);
    } catch (error) {
      failed = true;
      io.err(
        `${marks.error} ${box.name}: not signed out: ${messageOf(error)}. Try again, or end it on the box’s own page\n`,
      );
    } finally {
      await account.close();
    }
  }
  return failed ? exitCode.failed : exitCode.ok;
}

async function install(io: Io): Promise<number> {
  if (process.platform !== 'linux')
    throw new Problem('usage', 'this works on Linux; docs/access/agent.md says what to do elsewhere');
  const { XDG_DATA_HOME: given, HOME: home } = io.env;
  if (!given && !home) throw new Problem('usage', 'there is no HOME to install in');
  const dataFolder = given || join(home ?? '', '.local/share');
  const main = resolve(import.meta.dirname, 'main.ts');
  const path = await installLink({ dataFolder, command: [process.execPath, main] });
  io.out(`${marks.ok} ${agentLink} starts the agent (${path})\n`);
  return exitCode.ok;
}

function isRunning(base: string): boolean {
  try {
    lockFolder(base).release();
    return false;
  } catch (error) {
    return codeOf(error) === 'state-in-use';
  }
}
