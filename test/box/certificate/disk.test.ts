import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Child } from '../../../src/kit/runtime/child.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { ChildTask } from './keeper-child.ts';
import { createLab, type Lab } from './lab.ts';

const notRoot = process.getuid?.() !== 0;
if (notRoot)
  process.stderr.write('SKIPPED: tests with a full disk, which only root may mount; run as root\n');

const script = fileURLToPath(new URL('keeper-child.ts', import.meta.url));
/** A small disk that only the child sees, and that goes with it. */
const onOwnDisk = 'mount -t tmpfs -o size=256k tmpfs "$1" && exec "$2" "$3"';

describe.skipIf(notRoot)('a state folder that takes nothing', () => {
  const folder = temporaryFolder();
  let lab: Lab;
  beforeAll(async () => (lab = await createLab({ folder })));
  afterAll(() => lab.close());

  it.each([
    ['full', 'nothing', 'accounts.json'],
    ['full', 'account-made', 'accounts.json'],
    ['full', 'order-placed', 'order.json'],
    ['full', 'downloaded', 'key.pem'],
    ['read-only', 'downloaded', 'pairs'],
  ] as const)(
    '%s after "%s": says so, and goes on with one order when it takes writes again',
    async (what, after, file) => {
      const stateFolder = join(folder, `${what} ${after}`);
      mkdirSync(stateFolder);
      const task: ChildTask = {
        identity: lab.identity,
        names: lab.names,
        apiOrigin: lab.dns.apiOrigin(),
        caPem: lab.ca.caPem,
        directoryUrl: lab.proxy.directoryUrl,
        stateFolder,
        after,
        what,
      };
      const before = lab.proxy.count('new-order');
      const lines: string[] = [];
      const exit = await new Child({
        command: 'unshare',
        args: ['--mount', 'sh', '-c', onOwnDisk, 'sh', stateFolder, process.execPath, script],
        env: {
          ...process.env,
          NODE_COMPILE_CACHE: join(folder, 'compiled'),
          KEEPER_TASK: JSON.stringify(task),
        },
        onLine: (line) => lines.push(line),
      }).exited;
      expect({ code: exit.code, last: lines.at(-1) }).toMatchObject({ code: 0 });
      const said = what === 'full' ? 'the disk is full' : 'the file system is read-only';
      const complaints = lines.filter((line) => line.includes('cannot write'));
      const complaint = new RegExp(`^error: .*${file}.*: ${said}.* \\| check the state folder`);
      // Always of the same file: nothing goes on before that is on disk.
      expect(complaints.length).toBeGreaterThan(0);
      expect(complaints.filter((line) => !complaint.test(line))).toEqual([]);
      expect(lines.at(-1)).toMatch(/^ok: the certificate is valid until/);
      expect(lab.proxy.count('new-order') - before).toBe(1);
      expect(await lab.challenges()).toEqual([]);
    },
  );
});
