import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../src/cli/home/free-port.ts';
import { temporaryFolder } from '../support/folder.ts';
import { withoutNamespaces } from '../support/netns.ts';
import { serveIn } from '../support/serving.ts';
import { publishedHome } from './published-home.ts';

/* What keeps people's files, through the box, as Debian has it: nothing that it writes may be lost or changed on the way. */

const folder = temporaryFolder();
chmodSync(folder, 0o755);

function folderOf(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** A tree with everything that gives trouble: large, empty, many, names of all kinds. */
function aTree(name: string): string {
  const tree = folderOf(name);
  writeFileSync(join(tree, 'large'), randomBytes(40 * 2 ** 20));
  writeFileSync(join(tree, 'empty'), '');
  writeFileSync(join(tree, 'Über uns & “ganz” #1 50%.txt'), 'umlauts');
  mkdirSync(join(tree, 'many/deep/folder'), { recursive: true });
  for (let n = 0; n < 200; n++)
    writeFileSync(join(tree, 'many/deep/folder', `file ${n}`), randomBytes(n * 37));
  return tree;
}

const rclone = async (what: string, more: readonly string[] = []): Promise<string> => {
  const port = await freePort();
  const args = ['serve', what, folderOf(`served-${what}`), '--addr', `127.0.0.1:${port}`, ...more];
  return serveIn(folder, port, 'rclone', args);
};

const contents = (tree: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(tree, { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .toSorted()
      .map((path) => [path.slice(tree.length), readFileSync(path).toString('base64')]),
  );

describe.skipIf(withoutNamespaces)('through the box', () => {
  it('restic keeps a backup, and gives it back', async () => {
    const home = await publishedHome(folder, { backup: await rclone('restic') });
    const repository = ['--repo', `rest:${home.urlOf('backup')}/ours`, '--cacert', home.caFile, '--no-cache'];
    const restic = (...words: string[]): Promise<string> =>
      home.run('restic', [...repository, ...words], { RESTIC_PASSWORD: 'four quiet lamps' });
    await restic('init');
    const tree = aTree('for-restic');
    await restic('backup', tree);
    writeFileSync(join(tree, 'later'), 'added');
    await restic('backup', tree);
    expect(await restic('check', '--read-data')).toContain('no errors were found');
    await restic('forget', '--keep-last', '1', '--prune');
    const back = folderOf('restored');
    await restic('restore', 'latest', '--target', back);
    expect(contents(join(back, tree))).toEqual(contents(tree));
  }, 600_000);

  it('rclone copies over WebDAV, renames, and finds nothing changed', async () => {
    const home = await publishedHome(folder, { dav: await rclone('webdav') });
    const remote = `:webdav,url='${home.urlOf('dav')}':`;
    const run = (...words: string[]): Promise<string> =>
      home.run('rclone', ['--ca-cert', home.caFile, '--config', '/dev/null', ...words]);
    const tree = aTree('for-rclone');
    await run('copy', tree, `${remote}a`);
    await run('moveto', `${remote}a`, `${remote}b c`);
    await run('check', '--download', tree, `${remote}b c`);
    const back = folderOf('copied');
    await run('sync', `${remote}b c`, back);
    expect(contents(back)).toEqual(contents(tree));
    await run('purge', `${remote}b c`);
    expect(await run('lsf', remote)).toBe('');
  }, 600_000);

  it('git clones and pushes, with packs that are larger than its buffer', async () => {
    const port = await freePort();
    const root = folderOf('apache');
    chmodSync(root, 0o777);
    const modules = ['mpm_event', 'authz_core', 'cgid', 'alias', 'env'];
    const lines = [
      'ServerName localhost',
      `Listen 127.0.0.1:${port}`,
      `PidFile ${root}/pid`,
      `ErrorLog ${root}/error.log`,
      `DefaultRuntimeDir ${root}`,
      `ScriptSock ${root}/cgi`,
      ...modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      'User www-data',
      'Group www-data',
      `SetEnv GIT_PROJECT_ROOT ${folderOf('repositories')}`,
      'SetEnv GIT_HTTP_EXPORT_ALL',
      'SetEnv REMOTE_USER somebody',
      'ScriptAlias / /usr/lib/git-core/git-http-backend/',
      '<Location />',
      'Require all granted',
      '</Location>',
    ];
    writeFileSync(join(root, 'apache.conf'), `${lines.join('\n')}\n`);
    const target = await serveIn(folder, port, 'apache2', [
      '-D',
      'FOREGROUND',
      '-f',
      join(root, 'apache.conf'),
    ]);
    const home = await publishedHome(folder, { code: target });
    const people = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b.example' };
    const committer = { GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b.example' };
    const env = { ...people, ...committer, GIT_SSL_CAINFO: home.caFile };
    const git = (...words: string[]): Promise<string> => home.run('git', words, env);
    const [bare, first, second] = [
      join(folder, 'repositories/x.git'),
      join(folder, 'first'),
      join(folder, 'second'),
    ];
    await git('init', '--bare', bare);
    await home.run('chown', ['-R', 'www-data', bare]);
    const url = `${home.urlOf('code')}/x.git`;
    await git('clone', url, first);
    for (const round of ['one', 'two']) {
      // More than http.postBuffer (1 MiB): sent in chunks.
      writeFileSync(join(first, round), randomBytes(8 * 2 ** 20));
      await git('-C', first, 'add', '.');
      await git('-C', first, 'commit', '-m', round);
      await git('-C', first, 'push', 'origin', 'HEAD:main');
    }
    await git('clone', '--branch', 'main', url, second);
    expect(readFileSync(join(second, 'two')).equals(readFileSync(join(first, 'two')))).toBe(true);
    expect(await git('-C', second, 'fsck', '--full')).toBe('');
    expect(await git('-C', second, 'rev-parse', 'HEAD')).toBe(await git('-C', first, 'rev-parse', 'HEAD'));
  }, 600_000);
});
