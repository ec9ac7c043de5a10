import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packagesFor, thisMachine } from '../../src/cli/npm-packages.mjs';
import { temporaryFolder } from '../support/folder.ts';
import { spawnSync } from '../support/programs.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Manifest {
  engines: { node: string };
  scripts: Record<string, string>;
  devDependencies: Record<string, string>;
}
const manifest = JSON.parse(read('package.json')) as Manifest;
const { packages } = JSON.parse(read('package-lock.json')) as {
  packages: Record<
    string,
    { optional?: boolean; os?: string[]; cpu?: string[]; engines?: { node?: string } }
  >;
};
const { complaint, fits } = createRequire(import.meta.url)('../../src/cli/node-version.cjs') as {
  complaint: (version: string, program: string, range: string) => string | undefined;
  fits: (version: string, range: string) => boolean;
};
const { node: range } = manifest.engines;

describe('the version of Node', () => {
  it.each([
    ['v8.17.0', false],
    ['v18.20.8', false],
    ['v20.9.0', false],
    ['v20.18.3', false],
    ['v20.19.0', true],
    ['v20.20.2', true],
    ['v21.7.3', false],
    ['v22.11.0', false],
    ['v22.12.0', true],
    ['v24.0.0', true],
    ['v100.0.0', true],
  ])('%s will do: %s', (version, will) => {
    expect(fits(version, range)).toBe(will);
  });

  it('is said in words, with what there is, what is needed and how to get it', () => {
    const said = complaint('v18.19.0', '/usr/bin/node', range) ?? '';
    expect(said).toContain(
      'This is Node 18.19.0 (/usr/bin/node); Porchlight needs Node 20 (from 20.19.0 on), or 22.12.0',
    );
    expect(said).toContain('https://deb.nodesource.com');
    expect(said.split('\n').every((line) => line.length <= 120)).toBe(true);
    expect(complaint('v24.21.0', '/usr/bin/node', range)).toBeUndefined();
  });

  it('is looked at before anything else by every command that sets up', () => {
    const commands = Object.values(manifest.scripts).filter((script) => script.includes('setup.mjs'));
    expect(commands.length).toBeGreaterThan(3);
    for (const script of commands)
      expect(script).toMatch(/^node -r \.\/src\/cli\/node-version\.cjs src\/cli\/setup\.mjs /);
  });

  it('is one for which npm brings every native part: it silently leaves out those that want another', () => {
    const wanted = Object.entries(packages).filter(([, { optional, os, cpu }]) => optional && os && cpu);
    const least = range.split('||').map((part) => part.replace(/[^\d.]/g, ''));
    const left = wanted.filter(([path, { engines }]) => {
      // Parts for a platform without an engine of its own, which Node runs where there is no native one.
      if (path.includes('wasm')) return false;
      return engines?.node !== undefined && !least.every((version) => fits(version, engines.node ?? ''));
    });
    expect(left.map(([path]) => path)).toEqual([]);
  });

  it('in .nvmrc is the pinned one', () => {
    expect(read('.nvmrc').trim()).toBe(manifest.devDependencies['node']?.split('.')[0]);
  });
});

describe('npm packages of a machine', () => {
  const locked = {
    '': {},
    'node_modules/a': {},
    'node_modules/a-linux-x64-gnu': { optional: true, os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
    'node_modules/a-linux-x64-musl': { optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
    'node_modules/a-linux-arm64': { optional: true, os: ['linux'], cpu: ['arm64'] },
    'node_modules/a-darwin': { optional: true, os: ['darwin'], cpu: ['arm64', 'x64'] },
    'node_modules/not-windows': { optional: true, os: ['!win32'], cpu: ['any'] },
    'node_modules/runtime-of-others': { optional: true },
  };

  it.each([
    [{ os: 'linux', cpu: 'x64', libc: 'glibc' }, ['a', 'a-linux-x64-gnu', 'not-windows']],
    [{ os: 'linux', cpu: 'x64', libc: 'musl' }, ['a', 'a-linux-x64-musl', 'not-windows']],
    [{ os: 'linux', cpu: 'arm64', libc: 'glibc' }, ['a', 'a-linux-arm64', 'not-windows']],
    [{ os: 'darwin', cpu: 'arm64', libc: undefined }, ['a', 'a-darwin', 'not-windows']],
  ])('%j', (machine, names) => {
    expect(packagesFor(locked, machine)).toEqual(names.map((name) => `node_modules/${name}`));
  });

  it('are all here, where the tests run', () => {
    const native = packagesFor(packages, thisMachine()).filter((path) => packages[path]?.optional);
    // Of the linter, its types, the formatter, the bundler, the compiler.
    expect(native.length).toBeGreaterThanOrEqual(5);
    expect(native.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('the set-up', () => {
  const folder = temporaryFolder();
  const at = (path: string): string => join(folder, path);
  const { os, cpu } = thisMachine();
  const native = `node_modules/tool-${os}-${cpu}`;

  /** A project with one native part; `npm` in the place of the real one, which does what it is told. */
  function project(npm: string): { status: number | null; stderr: string } {
    for (const path of ['bin', 'src/cli', 'src/web', 'src/client', 'src/protocol', 'src/kit'])
      mkdirSync(at(path), { recursive: true });
    for (const name of ['setup.mjs', 'npm-packages.mjs', 'programs.mjs', 'node-version.cjs'])
      cpSync(join(root, 'src/cli', name), at(`src/cli/${name}`));
    const lock = { packages: { '': {}, [native]: { optional: true, os: [os], cpu: [cpu] } } };
    writeFileSync(at('package-lock.json'), JSON.stringify(lock));
    writeFileSync(
      at('src/web/build.ts'),
      "import { mkdirSync } from 'node:fs'; mkdirSync('dist/web', { recursive: true });",
    );
    writeFileSync(at('src/cli/main.ts'), "process.stderr.write('started\\n');");
    writeFileSync(at('bin/npm'), `#!/bin/sh\nset -e\n${npm}\n`);
    chmodSync(at('bin/npm'), 0o755);
    const env = { ...process.env, PATH: `${at('bin')}:${process.env['PATH']}` };
    const { status, stderr } = spawnSync(process.execPath, [at('src/cli/setup.mjs'), 'start'], {
      env,
      cwd: folder,
    });
    return { status, stderr: stderr.toString() };
  }
  const bringNode = `mkdir -p node_modules/.bin; ln -sf ${process.execPath} node_modules/.bin/node`;

  it('marks only what is complete, and repairs what is not', () => {
    // What npm does on a Node that the native part does not take: all well, and nothing there.
    const left = project(bringNode);
    expect(left.stderr).toContain(`left out: ${native}`);
    expect(left.status).toBe(1);
    expect(existsSync(at('node_modules/.installed'))).toBe(false);

    const scripts = project(`mkdir -p ${native}; rm -rf node_modules/.bin`);
    expect(scripts.stderr).toContain('left out: the pinned Node');

    const whole = project(`${bringNode}; mkdir -p ${native}`);
    expect(whole).toMatchObject({ status: 0 });
    expect(whole.stderr).toContain('started');
    expect(existsSync(at('node_modules/.installed'))).toBe(true);

    // The marker of another time does not count where a part is gone.
    const again = project('echo npm was asked >&2; exit 1');
    expect(again.stderr).not.toContain('npm was asked');
    rmSync(at(native), { recursive: true });
    expect(project('echo npm was asked >&2; exit 1').stderr).toContain('npm was asked');
    expect(existsSync(at('node_modules/.installed'))).toBe(false);
  });
});
