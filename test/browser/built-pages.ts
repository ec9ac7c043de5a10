import { execFileSync } from '../support/programs.ts';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist/web');

/**
 * The pages as the sources are now. `npm test` has built them; whoever runs one file has perhaps not. Test files run side by
 * side: one builds, and the others wait for its lock, which the kernel roll back from those that die.
 */
export function buildPagesIfOlder(): void {
  if (!areOlder()) return;
  mkdirSync(dist, { recursive: true });
  const build = [process.execPath, join(import.meta.filename)];
  execFileSync('flock', [join(dist, '..', '.building'), ...build], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function areOlder(): boolean {
  const built = ['app/index.html', 'console/index.html', 'manifest.json'].map((name) => join(dist, name));
  if (!built.every((path) => existsSync(path))) return true;
  const oldest = Math.min(...built.map((path) => statSync(path).mtimeMs));
  return ['src/web', 'src/client', 'src/protocol'].some((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => statSync(join(root, folder, name)))
      .some((found) => found.isFile() && found.mtimeMs > oldest),
  );
}

if (import.meta.main && areOlder()) {
  const { buildPages } = await import('../../src/web/build.ts');
  await buildPages({ outDir: dist });
}
