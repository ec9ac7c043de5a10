import { randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ReplayMemory, replayLimits } from '../../../src/box/auth/instances/replay-memory.ts';
import { Vault } from '../../../src/box/sessions/vault.ts';
import { temporaryFolder } from '../../support/folder.ts';

async function openVault(folder: string): Promise<Vault> {
  const vault = new Vault(folder);
  await vault.open();
  return vault;
}

it('keeps a secret under its name, also over a restart, with a key that nobody else may read', async () => {
  const folder = temporaryFolder();
  const secret = randomBytes(64);
  const sealed = (await openVault(folder)).seal('client', secret);
  const vault = await openVault(folder);
  expect(vault.unseal('client', sealed)).toEqual(secret);
  expect(sealed.includes(secret.subarray(0, 16))).toBe(false);
  expect(vault.seal('client', secret)).not.toEqual(sealed);
  expect(statSync(join(folder, 'vault.key')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, 'vault.key'))).toHaveLength(32);
});

it('gives nothing for another name, another key, or what was changed', async () => {
  const [folder, other] = [temporaryFolder(), temporaryFolder()];
  const vault = await openVault(folder);
  const sealed = vault.seal('client', randomBytes(64));
  expect(vault.unseal('other', sealed)).toBeUndefined();
  expect((await openVault(other)).unseal('client', sealed)).toBeUndefined();
  for (const at of [0, 20, sealed.length - 1]) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(vault.unseal('client', changed)).toBeUndefined();
  }
  expect(vault.unseal('client', sealed.subarray(0, 20))).toBeUndefined();
  copyFileSync(join(folder, 'vault.key'), join(other, 'vault.key'));
  expect((await openVault(other)).unseal('client', sealed)).toHaveLength(64);
});

it('says so when its key is none, and makes another when there is none', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'vault.key'), 'short');
  await expect(openVault(folder)).rejects.toMatchObject({ code: 'vault-damaged' });
  rmSync(join(folder, 'vault.key'));
  await openVault(folder);
});

it('remembers a nonce for its span, by key, and forgets it after two', () => {
  const memory = new ReplayMemory(1000);
  expect(memory.use('a', 'nonce', 0)).toBe(true);
  expect(memory.use('a', 'nonce', 0)).toBe(false);
  expect(memory.use('b', 'nonce', 0)).toBe(true);
  expect(memory.use('a', 'nonce', 1000)).toBe(false);
  expect(memory.use('a', 'nonce', 1999)).toBe(false);
  expect(memory.use('a', 'nonce', 3001)).toBe(true);
  memory.sweep(99_999);
  expect(memory.size).toBe(0);
});

it('refuses more than it can remember, and forgets nothing for it', () => {
  const memory = new ReplayMemory(1000);
  for (let count = 0; count < replayLimits.perKey; count++) memory.use('a', String(count), 0);
  expect(() => memory.use('a', 'one more', 500)).toThrow(/too many signed requests; try again in 1 s/);
  expect(memory.use('a', '0', 500)).toBe(false);
  expect(memory.use('b', '0', 500)).toBe(true);
  expect(memory.use('a', 'one more', 2000)).toBe(true);
});
