import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadMasterKey } from '../../../src/cloud/master-key.ts';
import { ZoneStore } from '../../../src/cloud/dns-server/store.ts';
import { RecordStore } from '../../../src/cloud/registration-server/store.ts';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { People } from '../../../src/box/sessions/people.ts';
import { Sessions } from '../../../src/box/sessions/sessions.ts';
import { Vault } from '../../../src/box/sessions/vault.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { Markers } from '../../../src/kit/store/markers.ts';
import { temporaryFolder } from '../../support/folder.ts';

const root = temporaryFolder();
let count = 0;
function newFolder(): string {
  const folder = join(root, String(++count));
  mkdirSync(join(folder, 'access'), { recursive: true });
  return folder;
}

/** Every store that must not start over in silence: how it is opened (and closed), and its file. */
const stores: [name: string, path: string, open: (folder: string) => Promise<void>][] = [
  [
    'people and sessions',
    'access/access.sqlite',
    async (folder) => {
      const store = new AccessStore(join(folder, 'access'), new Markers(folder));
      await store.open();
      store.close();
    },
  ],
  ['the key of app instances', 'access/vault.key', (folder) => openVault(folder)],
  [
    'zones',
    'zones.sqlite',
    async (folder) => {
      const store = new ZoneStore(folder);
      await store.open();
      store.close();
    },
  ],
  ['announcements', 'registration.sqlite', async (folder) => RecordStore.open(folder).close()],
  [
    'the master key',
    'tunnel-master-key',
    async (folder) => void (await loadMasterKey({ file: '', stateFolder: folder })),
  ],
];

async function openVault(folder: string): Promise<void> {
  await new Vault(join(folder, 'access'), new Markers(folder)).open();
}

describe.each(stores)('a store that was there: %s', (_name, path, open) => {
  it('is not begun anew when it is gone', async () => {
    const folder = newFolder();
    await open(folder);
    await open(folder);
    for (const end of ['', '-wal', '-shm']) rmSync(join(folder, `${path}${end}`), { force: true });
    await expect(open(folder)).rejects.toMatchObject({
      code: 'store-missing',
      message: expect.stringMatching(
        /Restore it from a backup; or, .*(porchlight reset|remove \/)/s,
      ) as string,
    });
  });

  it('is not begun anew when it is empty', async () => {
    const folder = newFolder();
    await open(folder);
    truncateSync(join(folder, path), 0);
    await expect(open(folder)).rejects.toThrow(/missing or empty|bytes|not the key|is not the one/);
  });

  it('is taken as it is where it is older than its marker', async () => {
    const folder = newFolder();
    await open(folder);
    rmSync(join(folder, 'known'), { recursive: true });
    await open(folder);
    rmSync(join(folder, path));
    await expect(open(folder)).rejects.toMatchObject({ code: 'store-missing' });
  });
});

describe('a key that was there', () => {
  it.each([
    ['access/vault.key', openVault, 'vault-damaged'],
    [
      'tunnel-master-key',
      async (folder: string) => void (await loadMasterKey({ file: '', stateFolder: folder })),
      'bad-master-key',
    ],
  ])('is not replaced by another in silence: %s', async (path, open, code) => {
    const folder = newFolder();
    await open(folder);
    writeFileSync(join(folder, path), Buffer.alloc(32, 7));
    await expect(open(folder)).rejects.toMatchObject({ code });
  });
});

describe('a box that had an owner', () => {
  it('does not wait for its first person when the owner cannot be found', async () => {
    const folder = newFolder();
    const markers = new Markers(folder);
    const store = new AccessStore(join(folder, 'access'), markers);
    await store.open();
    const sessions = new Sessions({ store, clock: systemClock });
    const open = (): People => {
      const people = new People({ store, sessions, clock: systemClock, markers });
      people.open();
      return people;
    };
    open().claim('Robin', 'hash');
    expect(open().claimed.value).toBe(true);
    store.run("UPDATE person SET role = 'ownes'");
    expect(open).toThrow(expect.objectContaining({ code: 'store-missing' }) as Error);
    store.close();
  });
});
