import type { Problem } from '../../../../src/kit/runtime/errors.ts';
import { execFileSync } from '../../../support/programs.ts';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CertificateFiles } from '../../../../src/box/auth/enrolment/certificate-files.ts';
import { temporaryFolder } from '../../../support/folder.ts';

const base = temporaryFolder();
const isRoot = process.getuid?.() === 0;
let tests = 0;
let root: string;
let outside: string;

beforeEach(() => {
  const own = join(base, String(tests++));
  root = join(own, 'app');
  outside = join(own, 'outside');
  mkdirSync(join(root, 'a', 'b'), { recursive: true });
  mkdirSync(outside);
});

const certificates = { deviceId: 'd', caPem: 'the CA', certificatePem: 'the certificate' };
const files = new CertificateFiles();
const write = (...steps: string[]): Promise<void> => files.write({ root, steps }, certificates);
const refused = (why: string): object => ({
  code: 'destination-refused',
  message: expect.stringContaining(why) as string,
});

describe('certificates as files', () => {
  it('are where they are wanted, whole, and nothing else', async () => {
    await write('a', 'b');
    await write('a', 'b');
    expect(readdirSync(join(root, 'a', 'b')).toSorted()).toEqual(['device.crt', 'sonarCA.crt']);
    expect(readFileSync(join(root, 'a', 'b', 'sonarCA.crt'), 'utf8')).toBe('the CA');
    expect(readFileSync(join(root, 'a', 'b', 'device.crt'), 'utf8')).toBe('the certificate');
    await write();
    expect(existsSync(join(root, 'device.crt'))).toBe(true);
  });

  it.skipIf(!isRoot)('are the app’s own when the box is root (this test runs as root only)', async () => {
    chownSync(join(root, 'a'), 12_345, 23_456);
    await write('a');
    for (const name of ['sonarCA.crt', 'device.crt']) {
      const { uid, gid, mode } = statSync(join(root, 'a', name));
      expect([uid, gid, mode & 0o777]).toEqual([12_345, 23_456, 0o600]);
    }
  });

  it.skipIf(!isRoot)('can be read by the app when the box is not root (this test runs as root only)', () => {
    chownSync(root, 65_534, 65_534);
    const script = `
      const { CertificateFiles } = await import(${JSON.stringify(join(import.meta.dirname, '../../../../src/box/auth/enrolment/certificate-files.ts'))});
      process.umask(0o077);
      process.setgid(65534);
      process.setuid(65534);
      await new CertificateFiles().write({ root: process.argv[1], steps: [] }, { deviceId: 'd', caPem: 'a', certificatePem: 'b' });`;
    execFileSync('chmod', ['-R', 'a+rx', base]);
    execFileSync(process.execPath, ['--input-type=module', '-e', script, root]);
    expect(statSync(join(root, 'device.crt')).mode & 0o777).toBe(0o644);
  });

  it('are not written where there is no folder', async () => {
    await expect(write('a', 'c')).rejects.toMatchObject(refused('no such folder'));
    writeFileSync(join(root, 'file'), '');
    await expect(write('file')).rejects.toMatchObject(refused('no folder'));
    expect(existsSync(join(root, 'a', 'c'))).toBe(false);
  });

  it('do not follow a link, on the way or at the end', async () => {
    symlinkSync(outside, join(root, 'link'));
    mkdirSync(join(outside, 'x'));
    symlinkSync('.', join(root, 'self'));
    for (const steps of [['link'], ['link', 'x'], ['self'], ['self', 'a']])
      await expect(write(...steps)).rejects.toMatchObject(refused('link'));
    expect(readdirSync(outside)).toEqual(['x']);
  });

  it('replace a link that has the name of a certificate, and leave alone what it leads to', async () => {
    writeFileSync(join(outside, 'precious'), 'mine');
    symlinkSync(join(outside, 'precious'), join(root, 'device.crt'));
    symlinkSync(join(outside, 'precious'), join(root, '.sonarCA.crt.tmp'));
    await write();
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('mine');
    expect(lstatSync(join(root, 'device.crt')).isFile()).toBe(true);
    expect(lstatSync(join(root, 'sonarCA.crt')).isFile()).toBe(true);
  });

  it('go through a link in the owner’s own path to the allowed folder', async () => {
    symlinkSync(root, join(outside, 'allowed'));
    await files.write({ root: join(outside, 'allowed'), steps: ['a'] }, certificates);
    expect(existsSync(join(root, 'a', 'device.crt'))).toBe(true);
  });

  it('never land elsewhere while somebody swaps a folder on the way for a link', async () => {
    const [real, aside] = [join(root, 'a'), join(root, 'aside')];
    mkdirSync(join(outside, 'b'));
    const done = new AbortController();
    const swap = async (): Promise<void> => {
      while (!done.signal.aborted) {
        renameSync(real, aside);
        symlinkSync(outside, real);
        await new Promise(setImmediate);
        renameSync(real, join(root, 'gone'));
        renameSync(aside, real);
        await new Promise(setImmediate);
      }
    };
    const swapped = swap();
    const outcomes = [];
    for (let tries = 0; tries < 40; tries++)
      outcomes.push(
        await write('a', 'b').then(
          () => 'written',
          () => 'refused',
        ),
      );
    done.abort();
    await swapped;
    expect(readdirSync(outside, { recursive: true })).toEqual(['b']);
    expect(new Set(outcomes)).toContain('written');
  });

  it('say what keeps them from being written', async () => {
    mkdirSync(join(root, 'device.crt'));
    const refused = (await write().catch((error: unknown) => error)) as Problem;
    expect(refused).toMatchObject({ code: 'storage-failed', status: 503 });
    expect(refused.message).toMatch(/^this cannot be saved, because /);
    // Whoever asks need not know the box's own paths.
    expect(JSON.stringify(refused)).not.toContain(root);
  });

  it('are written one at a time, and one that fails does not keep the next from it', async () => {
    const all = await Promise.allSettled([write('a'), write('nowhere'), write('a'), write('a', 'b')]);
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  });
});
