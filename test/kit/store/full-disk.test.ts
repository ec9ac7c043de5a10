import { execFile } from '../../support/programs.ts';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';

const notRoot = process.getuid?.() !== 0;
if (notRoot) process.stderr.write('SKIPPED: stores on a full disk, which only root may mount; run as root\n');

const kit = join(import.meta.dirname, '../../../src/kit/store');

/** Runs where `folder` is a small disk that nobody else sees. */
const script = `
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isAlone, openDatabase, storing } from ${JSON.stringify(join(kit, 'database.ts'))};
import { DatabaseSync } from 'node:sqlite';
import { AccessStore } from ${JSON.stringify(join(kit, '../../box/sessions/store.ts'))};
import { lockFolder } from ${JSON.stringify(join(kit, 'lock.ts'))};
const [, folder] = process.argv;
const path = folder + '/store.sqlite';
const open = () => openDatabase(path, ['CREATE TABLE word (text TEXT) STRICT']);
const add = (database, text) => storing(path, () => database.prepare('INSERT INTO word VALUES (?)').run(text));
const words = (database) => database.prepare('SELECT text FROM word').all().map(({ text }) => text).join();
const before = open();
console.log(isAlone(before));
add(before, 'kept');
before.close();
try { for (let size = 65536; ; ) writeFileSync(folder + '/full', Buffer.alloc(size), { flag: 'a' }); } catch {}
try { for (;;) writeFileSync(folder + '/full', 'x', { flag: 'a' }); } catch {}
const lock = lockFolder(folder);
try { lockFolder(folder); } catch (error) { console.log(error.code); }
const full = open();
console.log(words(full), isAlone(full));
try { for (;;) add(full, 'x'.repeat(1000)); } catch (error) { console.log(error.code, error.message.split(': ').at(-2)); }
rmSync(folder + '/full');
add(full, 'later');
console.log(words(full).replaceAll(/x+,/g, ''));
full.close();
const people = new AccessStore(folder + '/access');
await people.open();
people.close();
const fill = () => { try { for (;;) writeFileSync(folder + '/full', 'x'.repeat(512), { flag: 'a' }); } catch {} };
fill();
await people.open();
rmSync(folder + '/full');
people.run("INSERT INTO person (id, name, name_key, role, created_at) VALUES ('1', 'Ada', 'ada', 'owner', 0)");
const second = new DatabaseSync(folder + '/access/access.sqlite');
console.log(second.prepare('SELECT name FROM person').get().name);
second.close();
people.close();
lock.release();
`;

describe.skipIf(notRoot)('on a full disk', () => {
  it('a folder is locked, a store is opened and read, and takes writes again when there is space', async () => {
    const folder = temporaryFolder();
    const onOwnDisk = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$1" --input-type=module -e "$2" "$0"';
    const args = ['--mount', 'sh', '-c', onOwnDisk, folder, process.execPath, script];
    const { stdout } = await promisify(execFile)('unshare', args);
    expect(stdout.trim().split('\n')).toEqual([
      'false',
      'state-in-use',
      'kept true',
      'storage-full the disk is full',
      'kept,later',
      // Opened while the disk was full, and shared with a backup since it takes writes again.
      'Ada',
    ]);
  });
});
