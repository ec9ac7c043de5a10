import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, messageOf, Problem } from '../kit/runtime/errors.ts';
import { syncFolder, writeAtomic } from '../kit/store/files.ts';
import { Markers, markersFolder } from '../kit/store/markers.ts';

const bytes = 32;

/**
 * The key from which boxes' tunnel secrets are derived: from `file`, or, when that is empty, from the state folder, where
 * it is made at the first start. dns-server and relays must have the same. Throws `bad-master-key`.
 */
export async function loadMasterKey(options: { file: string; stateFolder: string }): Promise<Buffer> {
  const own = options.file === '';
  const path = own ? join(options.stateFolder, 'tunnel-master-key') : options.file;
  const markers = new Markers(options.stateFolder);
  const beginNew = `remove ${join(options.stateFolder, markersFolder, marker)}, start again, and give all relays the new key`;
  if (own && !existsSync(path)) markers.expect(marker, { what: 'the master key of tunnels', path, beginNew });
  const key = await read(path, own);
  const print = createHash('sha256').update('tunnel master key').update(key).digest('hex').slice(0, 16);
  const before = own ? markers.read(marker) : undefined;
  if (before !== undefined && before !== print) throw altered(path, beginNew);
  if (key.length >= bytes) {
    if (own) markers.note(marker, print);
    return key;
  }
  throw new Problem(
    'bad-master-key',
    `${path} has ${key.length} bytes; it needs ${bytes} random ones or more`,
    {
      retryable: false,
      details: { path },
    },
  );
}

const marker = 'tunnel-master-key';

/** With another key no box could prove its tunnel, and nobody would know why. */
function altered(path: string, beginNew: string): Problem {
  const message = `${path} is not the key that was made here: restore it from a backup; or, if another key is meant: ${beginNew}`;
  return new Problem('bad-master-key', message, { retryable: false, details: { path } });
}

async function read(path: string, make: boolean): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (!make || codeOf(error) !== 'ENOENT') {
      throw new Problem('bad-master-key', `cannot read ${path}: ${messageOf(error)}`, {
        retryable: false,
        cause: error,
      });
    }
    await createOnce(path, randomBytes(bytes));
    return readFile(path);
  }
}

/** Two parts that start at once must not make two keys: whoever links the name first has made it. */
async function createOnce(path: string, key: Buffer): Promise<void> {
  const own = `${path}.${randomBytes(6).toString('hex')}`;
  await writeAtomic(own, key);
  try {
    await link(own, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(own, { force: true });
  }
  await syncFolder(dirname(path));
}
