import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { execFileSync, spawnSync } from '../../support/programs.ts';

const root = join(import.meta.dirname, '../../..');
const folder = temporaryFolder();
const checkout = join(folder, 'checkout');

const git = (...args: string[]): string => {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  const who = ['-c', 'user.name=Robin', '-c', 'user.email=robin@example.org'];
  return execFileSync('git', [...who, '-C', checkout, ...args], { encoding: 'utf8', env }).trim();
};
const release = (...args: string[]): { status: number | null; out: string; err: string } => {
  const who = { NAME: 'Robin', EMAIL: 'robin@example.org' };
  const env = Object.fromEntries(
    Object.entries(who).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]),
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(checkout, 'src/cli/release/main.ts'), ...args],
    { env: { ...process.env, ...env }, encoding: 'utf8' },
  );
  return { status, out: stdout, err: stderr };
};

it('a release is a commit, a tag, and a folder with all that people get', { timeout: 120_000 }, () => {
  const left = new Set(['.git', 'node_modules', 'dist', 'test-output', '.porchlight']);
  for (const name of readdirSync(root).filter((each) => !left.has(each)))
    cpSync(join(root, name), join(checkout, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--quiet', '--message=Everything');

  expect(release('0.0.1')).toMatchObject({ status: 1, err: expect.stringContaining('not above') as string });
  writeFileSync(join(checkout, 'stray'), '');
  expect(release('99.0.0')).toMatchObject({
    status: 1,
    err: expect.stringContaining('git status') as string,
  });
  git('clean', '--quiet', '--force');

  const { status, out, err } = release('99.0.0', '--without-images', '--out', join(folder, 'out'));
  expect([status, err]).toEqual([0, expect.any(String)]);
  expect(out.trim()).toBe(join(folder, 'out'));
  expect(readdirSync(join(folder, 'out')).toSorted()).toEqual([
    'NOTES.md',
    'PROVENANCE.json',
    'SHA256SUMS',
    'porchlight-99.0.0.spdx.json',
    'porchlight-99.0.0.tar.gz',
    'porchlight-client-99.0.0.tgz',
  ]);
  execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: join(folder, 'out') });
  const provenance = JSON.parse(readFileSync(join(folder, 'out/PROVENANCE.json'), 'utf8')) as object;
  expect(provenance).toMatchObject({ version: '99.0.0', commit: git('rev-parse', 'v99.0.0^{commit}') });
  expect(git('log', '-1', '--format=%s')).toBe('Release 99.0.0');
  expect(git('status', '--porcelain')).toBe('');
  for (const file of ['package.json', 'package-lock.json'])
    expect(JSON.parse(readFileSync(join(checkout, file), 'utf8'))).toMatchObject({ version: '99.0.0' });
  expect(readFileSync(join(checkout, 'CHANGELOG.md'), 'utf8')).toMatch(/^## 99\.0\.0 \(\d{4}-\d\d-\d\d\)$/m);
  expect(release('99.0.0', '--without-images')).toMatchObject({ status: 1 });
});
