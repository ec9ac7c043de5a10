/* Builds the image for one kind of machine: `npm run image -- --board rpi|virt|amd64`; see docs/IMAGE.md. */
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BoardName, boards } from './boards.ts';
import { buildImage, updateLock } from './image.ts';

const { values } = parseArgs({
  options: {
    board: { type: 'string' },
    cache: { type: 'string' },
    out: { type: 'string' },
    version: { type: 'string' },
    bundle: { type: 'boolean', default: false },
    'bundle-key': { type: 'string' },
    'bundle-cert': { type: 'string' },
    'bundle-notes': { type: 'string' },
    'no-compress': { type: 'boolean', default: false },
    'update-lock': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const usage = `Usage: npm run image -- --board ${Object.keys(boards).join('|')} [options]

  --cache DIR            keep downloads and the root file system here (default: $XDG_CACHE_HOME/porchlight-image)
  --out DIR              where the image goes (default: dist/image)
  --version VERSION      what the image says it is (default: that of package.json)
  --bundle               also a bundle for the boxes that are to be updated, signed
  --bundle-key FILE      with this key instead of the development key …
  --bundle-cert FILE     … and this certificate, which is then also what the image trusts
  --bundle-notes TEXT    what is new, in a few sentences
  --no-compress          leave out the compressed image
  --update-lock          take the packages that Debian has today, and write image/lock/
`;

const board = boards[values.board as BoardName] as (typeof boards)[BoardName] | undefined;
if (values.help || board === undefined) {
  process.stderr.write(usage);
  process.exit(values.help ? 0 : 2);
}
const checkout = resolve(import.meta.dirname, '../..');
const {
  XDG_CACHE_HOME: caches = join(homedir(), '.cache'),
  XDG_DATA_HOME: data = join(homedir(), '.local/share'),
} = process.env;
const cache = resolve(values.cache ?? join(caches, 'porchlight-image'));
const { 'bundle-key': key, 'bundle-cert': certificate } = values;
if ((key === undefined) !== (certificate === undefined)) {
  process.stderr.write('--bundle-key and --bundle-cert belong together\n');
  process.exit(2);
}
if (process.getuid?.() !== 0) inNamespace();
try {
  if (values['update-lock']) await updateLock({ board, checkout, cache });
  await buildImage({
    board,
    checkout,
    cache,
    out: resolve(values.out ?? join(checkout, 'dist/image')),
    keys: join(data, 'porchlight-image'),
    compress: !values['no-compress'],
    bundle: values.bundle,
    notes: values['bundle-notes'] ?? '',
    ...(values.version === undefined ? {} : { version: values.version }),
    ...(key === undefined || certificate === undefined ? {} : { signing: { key, certificate } }),
    ...(process.env['SOURCE_DATE_EPOCH'] === undefined
      ? {}
      : { time: Number(process.env['SOURCE_DATE_EPOCH']) }),
  });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** Starts over as the root of a user namespace, where files can have the owners that they are to have in the image. */
function inNamespace(): never {
  const { status, error } = spawnSync(
    'unshare',
    ['--map-root-user', '--map-auto', '--mount', process.execPath, ...process.argv.slice(1)],
    { stdio: 'inherit' },
  );
  if (error !== undefined) process.stderr.write(`unshare cannot be run: ${error.message}\n`);
  process.exit(status ?? 1);
}
