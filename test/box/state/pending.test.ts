import { spawnSync } from '../../support/programs.ts';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { carryOut } from '../../../src/box/state/pending.ts';
import { temporaryFolder } from '../../support/folder.ts';

const old = {
  'identity/key.pem': 'old key',
  'identity/certificate.pem': 'old certificate',
  'access/access.sqlite': 'old people',
  'certificate/pairs/02/key.pem': 'old pair',
  'settings/settings.json': 'old settings',
  '.lock': '',
};
const restored = {
  'identity/key.pem': 'new key',
  'identity/certificate.pem': 'new certificate',
  'access/access.sqlite': 'new people',
  'certificate/pairs/01/key.pem': 'new pair',
  '.lock': '',
};
const reset = {
  'identity/key.pem': 'old key',
  'identity/certificate.pem': 'old certificate',
  'certificate/pairs/02/key.pem': 'old pair',
  '.lock': '',
};

const parent = temporaryFolder();
let count = 0;

function stateFolder(): string {
  const folder = join(parent, String(count++));
  for (const [path, text] of Object.entries(old)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

function filesIn(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [relative(folder, path), readFileSync(path, 'utf8')]));
}

/** Whether it was killed before the `killAt`-th change of the disk, or got to the end. */
function run(folder: string, killAt: number, action: string, step: string): 'killed' | 'done' {
  const child = join(import.meta.dirname, 'pending.child.ts');
  const args = [child, folder, String(killAt), action, step];
  const { signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (signal === 'SIGKILL') return 'killed';
  if (stdout === 'done') return 'done';
  throw new Error(stderr);
}

describe.each([
  ['restore', restored],
  ['reset', reset],
])('what replaces the state: %s', (action, next) => {
  it('leaves all of the old when it is cut off anywhere before it is pending, and all of the new after', async () => {
    for (let killAt = 1; ; killAt++) {
      const folder = stateFolder();
      const outcome = run(folder, killAt, action, 'stage');
      const order = await carryOut(folder);
      expect(filesIn(folder), `killed at change ${killAt}`).toEqual(order === undefined ? old : next);
      if (outcome === 'killed') continue;
      expect(order).toMatchObject({ action });
      expect(killAt).toBeGreaterThan(5);
      return;
    }
  }, 300_000);

  it('is carried out to the end however often that is cut off', async () => {
    const staged = stateFolder();
    run(staged, 0, action, 'stage');
    let outcome = 'killed';
    let killAt = 0;
    while (outcome === 'killed') {
      killAt++;
      const folder = join(parent, String(count++));
      cpSync(staged, folder, { recursive: true });
      outcome = run(folder, killAt, action, 'carry-out');
      // Cut off a second time, one change later.
      if (outcome === 'killed') run(folder, 3, action, 'carry-out');
      await carryOut(folder);
      expect(filesIn(folder), `killed at change ${killAt}`).toEqual(next);
      expect(await carryOut(folder)).toBeUndefined();
      rmSync(folder, { recursive: true });
    }
    expect(killAt).toBeGreaterThan(5);
  }, 300_000);
});

describe('what is pending', () => {
  it('is nothing in a state folder that nobody touched', async () => {
    const folder = stateFolder();
    expect(await carryOut(folder)).toBeUndefined();
    expect(filesIn(folder)).toEqual(old);
  });

  it('is refused when its order is damaged, with what to do', async () => {
    const folder = stateFolder();
    run(folder, 0, 'reset', 'stage');
    writeFileSync(join(folder, '.pending/order.json'), '{"action":"dance"}');
    await expect(carryOut(folder)).rejects.toThrow(`remove ${folder}/.pending`);
    expect(filesIn(folder)).toMatchObject(old);
  });
});
