import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { Type } from 'typebox';
import { BoxConfig } from '../box/config.ts';
import { version } from '../kit/runtime/program.ts';
import { busOf, Rauc } from '../box/update/rauc.ts';
import { checkBundle } from '../box/update/update-policy.ts';
import { seconds, systemClock } from '../kit/runtime/clock.ts';
import { command, exitCode, type Io } from '../kit/config/command.ts';
import { codeOf, messageOf, Problem } from '../kit/runtime/errors.ts';
import { updateChannels, UpdateState } from '../protocol/update-api.ts';
import { askControl, type ControlCall } from './ask-control.ts';
import { updateText } from './update-text.ts';
import { boxFile } from './box-file.ts';

const UpdateConfig = Type.Object({
  ...BoxConfig.properties,
  channel: Type.Optional(
    Type.Enum(updateChannels, { description: 'from now on, take the releases of this channel' }),
  ),
});

export const updateCommand = command({
  name: 'update',
  summary:
    'Says what runs and what there is; with a bundle, or --install, updates this box. What is written runs from the next restart on, and stays only if the box is healthy with it.',
  operands: '[BUNDLE]',
  switches: {
    status: 'only say what the box knows (the default)',
    check: 'ask the update server now',
    install: 'fetch and install what the update server has',
    restart: 'restart into what is installed, at once',
    pause: 'look for nothing and install nothing by itself, until --resume',
    resume: 'look for updates, and install them, by itself',
    'allow-downgrade': 'take a bundle that is older than what runs',
    json: 'print JSON',
  },
  config: UpdateConfig,
  file: boxFile,
  action: async ({ config, operands, switches }, io) => {
    const [bundle, ...more] = operands;
    if (more.length > 0) throw new Problem('usage', 'it takes one bundle');
    const ask: Ask = (method, path, body) =>
      askControl(config.state, {
        method,
        path: `/update${path}`,
        ...(body && { body }),
        answer: UpdateState,
      });
    const allowDowngrade = switches.has('allow-downgrade');
    let state = bundle === undefined ? await ask('GET', '') : undefined;
    if (state !== undefined) state = await configured(state, { ...config, switches }, ask);
    if (bundle !== undefined) {
      await access(bundle);
      const query = allowDowngrade ? '?allowDowngrade=true' : '';
      try {
        state = await ask('PUT', `/bundle${query}`, createReadStream(bundle));
      } catch (error) {
        if (codeOf(error) !== 'box-not-running') throw error;
        return await withoutBox(bundle, config.update.raucConfig, allowDowngrade, io);
      }
    } else if (switches.has('check')) state = await ask('POST', '/check');
    else if (switches.has('install')) state = await ask('POST', '/install', { allowDowngrade });
    if (bundle !== undefined || switches.has('install')) state = await followed(ask, switches, io);
    if (switches.has('restart')) state = await ask('POST', '/restart');
    if (state === undefined) return exitCode.failed;
    io.out(switches.has('json') ? `${JSON.stringify(state)}\n` : updateText(state));
    return state.phase === 'failed' ? exitCode.failed : exitCode.ok;
  },
});

type Ask = (method: ControlCall['method'], path: string, body?: ControlCall['body']) => Promise<UpdateState>;

async function configured(
  state: UpdateState,
  wanted: { channel?: UpdateState['channel']; switches: ReadonlySet<string> },
  ask: Ask,
): Promise<UpdateState> {
  const { switches, channel = state.channel } = wanted;
  const paused = switches.has('pause') || (state.paused && !switches.has('resume'));
  if (channel === state.channel && paused === state.paused) return state;
  return ask('PUT', '/settings', { channel, paused });
}

const underWay: ReadonlySet<UpdateState['phase']> = new Set(['checking', 'downloading', 'installing']);

/** Until the box is done with it; says each step, and at a terminal how far it is. */
async function followed(ask: Ask, switches: ReadonlySet<string>, io: Io): Promise<UpdateState> {
  let said = '';
  for (;;) {
    const state = await ask('GET', '');
    if (!underWay.has(state.phase)) return state;
    const step = `${state.phase} ${state.target ?? ''}`.trim();
    const percent = io.terminal && state.progress !== null ? ` ${state.progress} %` : '';
    if (`${step}${percent}` !== said && !switches.has('json')) io.out(`${step}${percent}\n`);
    said = `${step}${percent}`;
    await systemClock.sleep(seconds(1));
  }
}

/** The box does not run: RAUC is asked directly, which takes it from root alone. */
async function withoutBox(bundle: string, config: string, allowDowngrade: boolean, io: Io): Promise<number> {
  const rauc = new Rauc({ config, clock: systemClock, ...busOf(io.env) });
  const { signal } = new AbortController();
  const machine = await rauc.status(signal);
  if (machine === undefined) {
    const message = 'no box runs here, and there is no RAUC; start the box (porchlight box)';
    throw new Problem('box-not-running', message);
  }
  const { compatible } = machine;
  const manifest = await rauc.info(bundle, signal);
  checkBundle({ bundle: manifest, compatible, running: await version(), allowDowngrade });
  io.out(`no box runs; RAUC writes version ${manifest.version}\n`);
  try {
    await rauc.install(bundle, signal, () => undefined);
  } catch (error) {
    const hint = process.getuid?.() === 0 ? '' : '; only root may do this';
    throw new Problem(codeOf(error), `${messageOf(error)}${hint}`, { cause: error });
  }
  io.out(`version ${manifest.version} is written and runs from the next restart on: systemctl reboot\n`);
  return exitCode.ok;
}
