import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadMasterKey } from '../../src/cloud/master-key.ts';
import { temporaryFolder } from '../support/folder.ts';

const root = temporaryFolder();
let count = 0;
function newFolder(): string {
  const folder = join(root, String(++count));
  mkdirSync(folder);
  return folder;
}

describe('the master key of tunnel secrets', () => {
  it('is made once, also by parts that start at the same moment, for its owner alone', async () => {
    const stateFolder = newFolder();
    const keys = await Promise.all([1, 2, 3].map(() => loadMasterKey({ file: '', stateFolder })));
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
    expect(keys[0]).toHaveLength(32);
    expect((await loadMasterKey({ file: '', stateFolder })).equals(keys[0] ?? Buffer.alloc(0))).toBe(true);
    expect(readdirSync(stateFolder)).toEqual(['known', 'tunnel-master-key']);
    expect(statSync(join(stateFolder, 'tunnel-master-key')).mode & 0o777).toBe(0o600);
  });

  it('is never made in a place that the operator named, nor taken when it is short', async () => {
    const stateFolder = newFolder();
    const file = join(stateFolder, 'named');
    await expect(loadMasterKey({ file, stateFolder })).rejects.toMatchObject({ code: 'bad-master-key' });
    writeFileSync(file, 'short');
    await expect(loadMasterKey({ file, stateFolder })).rejects.toMatchObject({
      code: 'bad-master-key',
      message: expect.stringContaining('5 bytes') as string,
    });
  });
});
