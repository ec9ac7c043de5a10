import { execFile } from '../support/programs.ts';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';

const notRoot = process.getuid?.() !== 0;
if (notRoot)
  process.stderr.write('SKIPPED: stores on a read-only disk, which only root may mount; run as root\n');

const source = join(import.meta.dirname, '../../src');

/** Runs where `folder` is a disk that nobody else sees: written, then turned read-only, then writable again. */
const script = `
const { execFileSync } = process.getBuiltinModule('node:child_process');
import { AccessStore } from ${JSON.stringify(join(source, 'box/sessions/store.ts'))};
import { loadIdentity } from ${JSON.stringify(join(source, 'box/identity/identity.ts'))};
import { keepStateBefore } from ${JSON.stringify(join(source, 'box/update/state-before.ts'))};
import { Control } from ${JSON.stringify(join(source, 'box/control/control.ts'))};
import { Health } from ${JSON.stringify(join(source, 'kit/runtime/health.ts'))};
import { systemClock } from ${JSON.stringify(join(source, 'kit/runtime/clock.ts'))};
import { silentLog } from ${JSON.stringify(join(source, 'kit/log/log.ts'))};
import { lockFolder } from ${JSON.stringify(join(source, 'kit/store/lock.ts'))};
import { Markers } from ${JSON.stringify(join(source, 'kit/store/markers.ts'))};
const [, folder] = process.argv;
const remount = (how) => execFileSync('mount', ['-o', 'remount,' + how, folder]);
const identity = () => loadIdentity({ stateFolder: folder, clock: systemClock });
const { boxId } = await identity();
const insert = (store, name) => store.run('INSERT INTO person (id, name, name_key, role, created_at) VALUES (:name, :name, :name, :role, 0)', { name, role: 'owner' });
const names = (store) => store.all('SELECT name FROM person ORDER BY name').map(({ name }) => name).join();
const store = new AccessStore(folder + '/access', new Markers(folder));
await store.open();
insert(store, 'ada');
store.close();
remount('ro');
console.log('same box', (await identity()).boxId === boxId);
await keepStateBefore(folder, '1.2.3');
lockFolder(folder).release();
await store.open();
console.log('reads', names(store));
try { insert(store, 'bob'); } catch (error) { console.log(error.code); }
const health = new Health(systemClock);
const control = new Control({ stateFolder: folder, health, log: silentLog });
await control.start();
await control.stop();
console.log(health.conditions.value.map(({ name, severity }) => name + ' ' + severity).join());
remount('rw');
insert(store, 'bob');
console.log('writes', names(store));
store.close();
`;

describe.skipIf(notRoot)('on a read-only disk', () => {
  it('the box keeps its name and its people, says what it cannot do, and writes again when it may', async () => {
    const folder = temporaryFolder();
    const onOwnDisk = 'mount -t tmpfs tmpfs "$0" && exec "$1" --input-type=module -e "$2" "$0"';
    const args = ['--mount', 'sh', '-c', onOwnDisk, folder, process.execPath, script];
    const { stdout } = await promisify(execFile)('unshare', args);
    expect(stdout.trim().split('\n')).toEqual([
      'same box true',
      'reads ada',
      'storage-read-only',
      'control warning',
      'writes ada,bob',
    ]);
  });
});
