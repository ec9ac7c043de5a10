/* Makes the SDK's package, `porchlight-client-<version>.tgz`, in `dist/sdk` or the folder that is named: `npm run sdk`. Prints its path. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

interface Manifest {
  version: string;
  license: string;
  dependencies: Record<string, string>;
}

const root = join(import.meta.dirname, '../../..');
const from = join(root, 'src/client');
const to = resolve(process.argv[2] ?? join(root, 'dist/sdk'));
const files = join(to, 'package');
const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

/** What an entry of `exports` is: its types first, as TypeScript wants it. */
const entry = (path: string): Record<string, string> => ({
  types: `./client/${path}index.d.ts`,
  default: `./client/${path}index.js`,
});
const pick = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, own.dependencies[name] ?? '']));

const manifest = {
  name: 'porchlight-client',
  version: own.version,
  description:
    'Finds Porchlight boxes, connects an app to one, and stays connected by whichever way is open.',
  license: own.license,
  type: 'module',
  sideEffects: false,
  // WebSocket came with 22, SQLite without a flag (for the locks of `./node`) with 22.13.
  engines: { node: '>=22.13.0' },
  exports: { '.': entry(''), './instance': entry('instance/'), './node': entry('node/') },
  // What `./instance` encrypts and signs with, and what the types are made of: all of it runs in browsers.
  dependencies: pick('@scure/base', 'hpke', 'ipaddr.js', 'structured-headers', 'typebox'),
  // Of the entry `./node`, which programs alone use.
  peerDependencies: pick('bonjour-service', 'undici'),
  peerDependenciesMeta: { 'bonjour-service': { optional: true }, undici: { optional: true } },
};

rmSync(to, { recursive: true, force: true });
mkdirSync(files, { recursive: true });
run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', from, '--outDir', files]);
writeFileSync(join(files, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
copyFileSync(join(from, 'README.md'), join(files, 'README.md'));
copyFileSync(join(root, 'LICENSE'), join(files, 'LICENSE'));
run('npm', ['pack', '--silent', '--pack-destination', to], files);
process.stdout.write(`${join(to, `porchlight-client-${own.version}.tgz`)}\n`);

function run(command: string, args: readonly string[], cwd = root): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed; ${error?.message ?? 'its message is above'}`);
}
