import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { execFile } from '../support/programs.ts';

it('nothing that was answered is lost, and nothing is wrong without a word (two minutes of `npm run soak`)', async () => {
  const args = [join(import.meta.dirname, 'main.ts'), '--minutes', '2', '--seed', '20'];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch(
    (error: { stdout: string; stderr: string }) => ({ stdout: `${error.stdout}\n${error.stderr}` }),
  );
  expect(stdout).toMatch(/^\| all \| \d+ \| 0 \| 0 \|/m);
}, 400_000);
