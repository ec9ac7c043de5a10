import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';

const notRoot = process.getuid?.() !== 0;
if (notRoot) process.stderr.write('SKIPPED: stores on a full disk, which only root may mount; run as root\n');

const kit = join(import.meta.dirname, '../../src/kit');

/** Runs where `folder` is a small disk that nobody else sees. */
const script = `
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { openDatabase, storing } from ${JSON.stringify(join(kit, 'database.ts'))};
import { lockFolder } from ${JSON.stringify(join(kit, 'lock.ts'))};
const [, folder] = process.argv;
const path = folder + '/store.sqlite';
const open = () => openDatabase(path, ['CREATE TABLE word (text TEXT) STRICT']);
const add = (database, text) => storing(path, () => database.prepare('INSERT INTO word VALUES (?)').run(text));
const words = (database) => database.prepare('SELECT text FROM word').all().map(({ text }) => text).join();
const before = open();
add(before, 'kept');
before.close();
try { for (let size = 65536; ; ) writeFileSync(folder + '/full', Buffer.alloc(size), { flag: 'a' }); } catch {}
try { for (;;) writeFileSync(folder + '/full', 'x', { flag: 'a' }); } catch {}
const lock = lockFolder(folder);
try { lockFolder(folder); } catch (error) { console.log(error.code); }
const full = open();
console.log(words(full));
try { for (;;) add(full, 'x'.repeat(1000)); } catch (error) { console.log(error.code, error.message.split(': ').at(-2)); }
rmSync(folder + '/full');
add(full, 'later');
console.log(words(full).replaceAll(/x+,/g, ''));
full.close();
lock.release();
`;

describe.skipIf(notRoot)('on a full disk', () => {
  it('a folder is locked, a store is opened and read, and takes writes again when there is space', async () => {
    const folder = temporaryFolder();
    const onOwnDisk = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$1" --input-type=module -e "$2" "$0"';
    const args = ['--mount', 'sh', '-c', onOwnDisk, folder, process.execPath, script];
    const { stdout } = await promisify(execFile)('unshare', args);
    expect(stdout.trim().split('\n')).toEqual([
      'state-in-use',
      'kept',
      'storage-failed the disk is full',
      'kept,later',
    ]);
  });
});
