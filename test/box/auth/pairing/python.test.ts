import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.ts';
import { execFile } from '../../../support/programs.ts';
import { Browser, names, openLab } from '../../lab/lab.ts';
import { paired } from './flow.ts';

it('a program in Python (python3-websockets) is let in at /w, kept by pings, and refused with a wrong token', async () => {
  const lab = await openLab();
  const owner = new Browser(lab);
  await owner.firstRun();
  const { accessToken } = await paired(lab, owner);
  const ca = join(temporaryFolder(), 'ca.pem');
  writeFileSync(ca, lab.caPem);
  const script = join(import.meta.dirname, 'program.py');
  const { stdout } = await promisify(execFile)(
    '/usr/bin/python3',
    [script, String(lab.port), names.main, ca],
    {
      env: { TOKEN: accessToken },
    },
  );
  const [hello, refused] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(hello).toMatchObject({ type: expect.any(String) as string });
  expect(refused).toBe(403);
  await lab.close();
});
