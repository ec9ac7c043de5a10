import { join, resolve } from 'node:path';
import { Type } from 'typebox';
import { urlsByKind, waysIn } from '../../box/system/status.ts';
import { command, exitCode, type Io } from '../../kit/command.ts';
import { Problem } from '../../kit/errors.ts';
import { runUntilEnded } from '../../kit/run.ts';
import { Home } from './home.ts';
import { freePorts, usualPorts } from './ports.ts';
import { watchSteps } from './progress.ts';

const HomeConfig = Type.Object({
  state: Type.String({
    default: '.porchlight',
    minLength: 1,
    description: 'folder for everything this home keeps; remove it to begin anew',
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
    const home = new Home({ state, ports, onStep });
    await runUntilEnded(home, async (signal) => {
      await ready(home, onStep, signal, config.patience);
      io.out(switches.has('json') ? `${JSON.stringify({ ...summary(home), steps })}\n` : words(home, io));
      if (!switches.has('once')) await ended(signal);
    });
    return exitCode.ok;
  },
});

async function ready(
  home: Home,
  onStep: (step: string, detail: string) => void,
  signal: AbortSignal,
  patience: number,
): Promise<void> {
  const timeout = AbortSignal.timeout(patience * 1000);
  try {
    await watchSteps(home.box, onStep, AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error;
    const wrong = home.box.facts.health.value
      .filter(({ severity }) => severity !== 'ok')
      .map(({ name, message }) => `\n  ${name}: ${message}`);
    throw new Problem(
      'not-ready',
      `not ready after ${patience} s; the log is ${home.logPath}${wrong.join('')}`,
    );
  }
}

interface Summary {
  boxId: string;
  urls: Record<string, string | string[]>;
  state: string;
  try: string[];
}

/** `urls`: main, mirrors (a list), tunnel, local, address, and one for each published service. */
function summary(home: Home): Summary {
  const { facts } = home.box;
  const urls = urlsByKind(waysIn(facts));
  const curl = (url: unknown): string => `curl -i --cacert ${home.caPath} ${String(url)}`;
  return {
    boxId: facts.identity.boxId,
    urls,
    state: join(home.caPath, '..'),
    try: [
      curl(urls['hello']),
      curl(`${String(urls['tunnel'])}ping`),
      `npx porchlight doctor --config ${home.boxConfigPath}`,
    ],
  };
}

function words(home: Home, io: Io): string {
  const { boxId, urls, state, try: lines } = summary(home);
  const { mirrors, ...single } = urls;
  const all = Object.entries({ ...single, mirrors: [mirrors].flat().join('\n             ') });
  const strong = io.terminal
    ? (text: string): string => `\u001B[1m${text}\u001B[0m`
    : (text: string): string => text;
  return `
${strong('The box is reachable in every way.')}

  box id     ${boxId}
${all.map(([kind, url]) => `  ${kind.padEnd(10)} ${url}`).join('\n')}
  state      ${state}   (log: ${home.logPath})

${strong('Try')}
${lines.map((line) => `  ${line}`).join('\n')}

Ctrl-C ends everything; started again, the box is the same.
`;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
