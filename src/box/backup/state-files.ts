import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ownersAlone, storing } from '../../kit/store/database.ts';
import { privateFolder } from '../../kit/store/files.ts';

/**
 * What belongs to the process that runs, to this machine, or to a moment: no backup holds it, and no restore touches what
 * begins with a dot or is in no folder.
 */
const notKept: ReadonlySet<string> = new Set(['tunnel']);

/** Beside a store: parts of it that are in the copy already. */
const besideStore = /\.sqlite-(wal|shm|journal)$/;

/**
 * Every file in the folders of the state folder, by path. A store is copied as it is at one moment, also while others write
 * to it, and without its sessions: what was revoked after a backup must not come back with it. Throws `storage-failed`.
 */
export async function readState(stateFolder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const copies = join(stateFolder, '.copying');
  await rm(copies, { recursive: true, force: true });
  await privateFolder(copies);
  try {
    for (const name of await folders(stateFolder)) await walk(name);
  } finally {
    await rm(copies, { recursive: true, force: true });
  }
  return files;

  async function walk(path: string): Promise<void> {
    const entries = await readdir(join(stateFolder, path), { withFileTypes: true });
    for (const entry of entries) {
      const inner = `${path}/${entry.name}`;
      if (entry.name.startsWith('.') || besideStore.test(entry.name)) continue;
      if (entry.isDirectory()) await walk(inner);
      else if (entry.isFile()) files.set(inner, await content(inner));
    }
  }

  async function content(path: string): Promise<Buffer> {
    const source = join(stateFolder, path);
    if (!path.endsWith('.sqlite')) return readFile(source);
    const copy = join(copies, 'copy.sqlite');
    copyStore(source, copy);
    const data = await readFile(copy);
    await rm(copy);
    return data;
  }
}

/** The folders of the parts. */
async function folders(stateFolder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(stateFolder)) {
    if (name.startsWith('.') || notKept.has(name)) continue;
    if ((await lstat(join(stateFolder, name))).isDirectory()) found.push(name);
  }
  return found;
}

/** All that is in the store at one moment; what hangs below a session (tokens, codes, apps) goes with it. */
function copyStore(source: string, copy: string): void {
  storing(source, () => {
    ownersAlone(copy);
    const database = new DatabaseSync(source);
    try {
      database.exec('PRAGMA busy_timeout = 2000');
      database.prepare('VACUUM INTO ?').run(copy);
    } finally {
      database.close();
    }
    withoutSessions(copy);
  });
}

function withoutSessions(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA foreign_keys = ON');
    const table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'session'";
    if (database.prepare(table).get() === undefined) return;
    database.exec('DELETE FROM session; VACUUM');
  } finally {
    database.close();
  }
}
