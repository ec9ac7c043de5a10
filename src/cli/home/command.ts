import { join, resolve } from 'node:path';
import { Type } from 'typebox';
import { urlsByKind, boxUrls } from '../../box/system/status.ts';
import { command, exitCode, type Io, mayColour } from '../../kit/config/command.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { runUntilEnded } from '../../kit/runtime/run.ts';
import { boxFile } from '../box-file.ts';
import type { FirstPerson } from './first-person.ts';
import { Home } from './home.ts';
import { homeFolder } from './place.ts';
import { freePorts, usualPorts } from './ports.ts';
import { watchSteps } from './progress.ts';

const HomeConfig = Type.Object({
  state: Type.String({
    default: homeFolder,
    minLength: 1,
    description: 'folder for everything this home keeps; remove it to start over',
  }),
  ports: Type.Enum(['usual', 'free'], {
    default: 'usual',
    description:
      'usual: the ports of the documentation; free: any that are free, for several homes side by side',
  }),
  patience: Type.Integer({
    default: 120,
    minimum: 1,
    maximum: 3600,
    description: 'seconds until a home that is not ready is given up',
  }),
});

export const homeCommand = command({
  name: 'home',
  summary:
    'Runs a whole home on this machine, to try everything: test CA, cloud, a service to publish, and one box.',
  switches: {
    once: 'end when everything is ready',
    json: 'end the output with the summary as one line of JSON',
    unclaimed: 'leave the box to its first person: you, in the console',
  },
  config: HomeConfig,
  action: async ({ config, switches }, io) => {
    const steps: Record<string, number> = {};
    const begun = performance.now();
    const onStep = (step: string, detail: string): void => {
      steps[step] = Math.round(performance.now() - begun);
      io.out(`${`${(steps[step] / 1000).toFixed(2)} s`.padStart(9)}  ✓ ${step.padEnd(12)} ${detail}\n`);
    };
    const state = resolve(config.state);
    io.out(`Porchlight: a whole home on this machine, kept in ${state}\n\n`);
    const ports = config.ports === 'free' ? await freePorts() : usualPorts;
    const unclaimed = switches.has('unclaimed');
    const home = new Home({ state, ports, onStep, unclaimed });
    await runUntilEnded(home, async (signal) => {
      await ready(home, { onStep, patience: config.patience, unclaimed }, signal);
      const all = await summary(home);
      io.out(switches.has('json') ? `${JSON.stringify({ ...all, steps })}\n` : words(all, io));
      if (!switches.has('once')) await ended(signal);
    });
    return exitCode.ok;
  },
});

async function ready(
  home: Home,
  how: { onStep: (step: string, detail: string) => void; patience: number; unclaimed: boolean },
  signal: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(how.patience * 1000);
  try {
    await Promise.all([
      home.owner,
      watchSteps(home.box, how.onStep, AbortSignal.any([signal, timeout]), how),
    ]);
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error;
    const wrong = home.box.facts.health.value
      .filter(({ severity }) => severity !== 'ok')
      .map(({ name, message }) => `\n  ${name}: ${message}`);
    throw new Problem(
      'not-ready',
      `not ready after ${how.patience} s; the log is ${home.logPath}${wrong.join('')}`,
    );
  }
}

interface Summary {
  boxId: string;
  urls: Record<string, string | string[]>;
  app: string;
  /** Who can sign in; absent in a home that was left unclaimed. */
  owner?: FirstPerson;
  /** What the first person is asked for, in a home that was left unclaimed. */
  setupCode?: string;
  state: string;
  log: string;
  try: string[];
}

/** `urls`: main, mirrors (a list), tunnel, local, address, and one for each published service. */
async function summary(home: Home): Promise<Summary> {
  const { facts } = home.box;
  const urls = urlsByKind(boxUrls(facts));
  const { tunnel } = urls;
  const owner = await home.owner;
  const setupCode = facts.setupCode();
  const curl = (url: unknown): string => `curl -i --cacert ${home.caPath} ${String(url)}`;
  return {
    boxId: facts.identity.boxId,
    urls,
    app: home.appUrl,
    ...(owner === undefined ? {} : { owner }),
    ...(setupCode === undefined ? {} : { setupCode }),
    state: join(home.caPath, '..'),
    log: home.logPath,
    try: [
      curl(urls['hello']),
      ...(tunnel === undefined ? [] : [curl(`${String(tunnel)}ping`)]),
      // Those that run here are found without.
      `npx porchlight doctor${boxFile() === home.boxConfigPath ? '' : ` --config ${home.boxConfigPath}`}`,
    ],
  };
}

function words(summary: Summary, io: Io): string {
  const { boxId, urls, app, owner, setupCode, state, log, try: lines } = summary;
  const { mirrors, ...single } = urls;
  const all = Object.entries({ app, ...single, mirrors: [mirrors].flat().join('\n             ') });
  const strong = (text: string): string => (mayColour(io) ? `\u001B[1m${text}\u001B[0m` : text);
  return `
${strong(owner === undefined ? 'The box waits for its first person.' : 'The box is reachable in every way.')}

  box id     ${boxId}
${all.map(([kind, url]) => `  ${kind.padEnd(10)} ${url}`).join('\n')}
${owner === undefined ? `  setup code ${setupCode ?? ''}` : `  sign in as ${owner.name}, password ${owner.password}`}
  state      ${state}   (log: ${log})

${strong('Try')}
${lines.map((line) => `  ${line}`).join('\n')}
  a browser that trusts ${state}/ca.pem, and the app above

Ctrl-C ends everything; started again, the box is the same.
`;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
