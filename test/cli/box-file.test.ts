import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { boxConfigFile } from '../../src/box/installation.ts';
import { boxFile } from '../../src/cli/box-file.ts';
import { lockFolder } from '../../src/kit/store/lock.ts';
import { temporaryFolder } from '../support/folder.ts';

/** A folder with a home in it that once ran. */
function homeIn(): { folder: string; home: string } {
  const folder = temporaryFolder();
  const home = join(folder, '.porchlight');
  mkdirSync(home);
  writeFileSync(join(home, 'box.toml'), '');
  return { folder, home };
}

describe('the box that a command is about', () => {
  it('is the one of the home that runs here, and the machine’s own when none does', () => {
    const { folder, home } = homeIn();
    expect(boxFile([folder])).toBe(boxConfigFile);
    const lock = lockFolder(home);
    expect(boxFile([folder])).toBe(join(home, 'box.toml'));
    expect(boxFile([temporaryFolder(), folder])).toBe(join(home, 'box.toml'));
    lock.release();
    expect(boxFile([folder])).toBe(boxConfigFile);
    expect(boxFile([temporaryFolder()])).toBe(boxConfigFile);
  });

  it.skipIf(process.getuid?.() !== 0)('is not what somebody else runs in the folder that one is in', () => {
    const { folder, home } = homeIn();
    const lock = lockFolder(home);
    chownSync(home, 65534, 65534);
    expect(boxFile([folder])).toBe(boxConfigFile);
    lock.release();
  });
});
