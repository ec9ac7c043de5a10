#!/usr/bin/env node
// The first step of `npm start`, `npm test`, `npm run bench` and others: brings in what is missing, then hands over to the pinned
// Node. Plain JavaScript, because it must run on whatever Node the machine has (node-version.cjs has looked that it will do).
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { packagesFor, thisMachine } from './npm-packages.mjs';
import { forBench, forImage, forMachines, forNightly, forStart, forTest } from './programs.mjs';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');

const commands = {
  image: { programs: forImage, run: ['image/build/main.ts'] },
  'test:image': {
    programs: { ...forTest, ...forImage, ...forMachines },
    run: ['node_modules/vitest/vitest.mjs', 'run', '--reporter=verbose'],
    /** Names of parts (`home`, `boot`); all of them where none is named. */
    args: (words) => (words.length === 0 ? ['test/image'] : words.map((word) => `test/image/${word}`)),
    env: { PORCHLIGHT_TEST_IMAGE: '1' },
  },
  start: { programs: forStart, run: ['src/cli/main.ts', 'home'] },
  test: { programs: forTest, run: ['test/check.ts'] },
  nightly: {
    programs: { ...forTest, ...forNightly },
    run: ['node_modules/vitest/vitest.mjs', 'run', '--reporter=verbose'],
    args: (words) => words.map((word) => `test/nightly/${word}`),
    env: { NIGHTLY: '1' },
  },
  release: { programs: forImage, run: ['src/cli/release/main.ts'] },
  sdk: { programs: {}, run: ['src/cli/sdk/main.ts'] },
  soak: { programs: forTest, run: ['test/soak/main.ts'] },
  fuzz: { programs: forStart, run: ['test/fuzz/main.ts'] },
  bench: {
    programs: { ...forTest, ...forBench },
    run: ['test/bench/main.ts'],
  },
};

const [, , name = '', ...args] = process.argv;
const command = commands[name];
if (command === undefined) stop(`usage: setup.mjs ${Object.keys(commands).join('|')} [arguments]`);

installPackages();
installPrograms(command.programs);
buildPages();
handOver([...command.run, ...(command.args?.(args) ?? args)], command.env);

/** Everything this says goes to stderr: stdout belongs to the command. */
function say(text) {
  process.stderr.write(`${text}\n`);
}

function stop(text) {
  say(text);
  process.exit(1);
}

/** npm packages exactly as locked; nothing happens when the lock file is the one installed before, and all of it is there. */
function installPackages() {
  const marker = join(root, 'node_modules/.installed');
  const lock = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex');
  const wanted = packagesFor(JSON.parse(lock).packages, thisMachine());
  const missing = () => wanted.filter((path) => !existsSync(join(root, path)));
  const complete = () => missing().length === 0 && runnable(join(root, 'node_modules/.bin/node'));
  if (existsSync(marker) && readFileSync(marker, 'utf8') === hash && complete()) return;
  rmSync(marker, { force: true });
  say('Installing npm packages (the first time only) …');
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const result = spawnSync('npm', ['ci', ...quiet], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) stop('npm ci failed; its message is above. Try again when the network is there.');
  // npm leaves out what its settings, or the Node it runs on, make it leave out, and says that all went well.
  if (!complete()) {
    stop(
      `npm ci says that all went well, and left out: ${missing().join(', ') || 'the pinned Node (package node)'}\n` +
        'See what npm is set to (npm config get omit, os, cpu, libc, ignore-scripts), and try again.',
    );
  }
  writeFileSync(marker, hash);
}

function find(program) {
  if (program.startsWith('/')) return existsSync(program);
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.some((folder) => folder !== '' && runnable(join(folder, program)));
}

function runnable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The app and the console, when one of their sources has changed since they were built. */
function buildPages() {
  const marker = join(root, 'dist/web/.built');
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  for (const folder of ['src/web', 'src/client', 'src/protocol', 'src/kit']) {
    for (const name of readdirSync(join(root, folder), { recursive: true }).sort()) {
      const path = join(root, folder, name);
      if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path));
    }
  }
  const sources = hash.digest('hex');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === sources) return;
  const result = spawnSync(join(root, 'node_modules/.bin/node'), [join(root, 'src/web/build.ts')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) stop('The pages could not be built; the message is above.');
  writeFileSync(marker, sources);
}

/** Debian packages, by apt where it may: as root, or with sudo that asks for no password. */
function installPrograms(programs) {
  const missing = [
    ...new Set(Object.entries(programs).flatMap(([program, debian]) => (find(program) ? [] : [debian]))),
  ];
  if (missing.length === 0) return;
  const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (!find('apt-get')) stop(`This needs the programs of these Debian packages: ${missing.join(' ')}`);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (sudo.length > 0 && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    stop(
      `Some programs are missing, and only root may install them. Run this, then try again:\n\n  sudo ${line}\n`,
    );
  }
  say(`Installing Debian packages (the first time only): ${missing.join(' ')} …`);
  withServicesOff(sudo, () => {
    const install = ['install', '-y', '--no-install-recommends', ...missing];
    // The package lists may be old, or absent on a fresh machine: then fetch them and try once more.
    if (!apt(sudo, ...install) && !(apt(sudo, 'update') && apt(sudo, ...install))) {
      stop(
        `apt could not install them; its message is above. Run this by hand, then try again:\n\n  ${line}\n`,
      );
    }
  });
  const still = Object.keys(programs).filter((program) => !find(program));
  if (still.length > 0) stop(`Installed, but still not found: ${still.join(', ')}`);
}

function apt(sudo, ...words) {
  return privileged(sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...words);
}

function privileged(sudo, ...words) {
  const [program, ...rest] = [...sudo, ...words];
  return spawnSync(program, rest, { stdio: ['ignore', 2, 2] }).status === 0;
}

/** The packages bring daemons that tests run for themselves; on this machine they shall not be started (policy-rc.d). */
function withServicesOff(sudo, action) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours)
    privileged(sudo, 'sh', '-c', `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}`);
  try {
    action();
  } finally {
    if (ours) privileged(sudo, 'rm', '-f', policy);
  }
}

function handOver([script, ...words], more) {
  const bin = join(root, 'node_modules/.bin');
  const child = spawn(join(bin, 'node'), [join(root, script), ...words], {
    stdio: 'inherit',
    env: { ...process.env, ...more, PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin` },
  });
  // npm, told to end, may end without a word to us: then its death is the word.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 500).unref();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (signal === 'SIGINT' ? 2 : 15);
  });
}
