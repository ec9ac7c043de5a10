import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seconds } from '../../../src/kit/runtime/clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { spawn } from '../../support/programs.ts';
import { type Answer, Browser, fromApp, type Lab, openLab, refresh } from '../lab/lab.ts';

const kills = 18;

async function claimed(): Promise<{ folder: string; lab: Lab; refreshToken: string }> {
  const folder = temporaryFolder();
  const lab = await openLab({ folder });
  const owner = new Browser(lab);
  await owner.firstRun();
  const { refreshToken } = await owner.connect();
  return { folder, lab, refreshToken };
}

const next = ({ json }: Answer): { access: string; refresh: string } => ({
  access: String(json['access_token']),
  refresh: String(json['refresh_token']),
});
const me = (lab: Lab, token: string): Promise<Answer> =>
  fromApp(lab, 'GET', '/api/me', { headers: { authorization: `Bearer ${token}` } });

describe('a refresh whose answer was lost with the box', () => {
  it(
    `comes again after the start and is answered, ${kills} times of ${kills}`,
    { timeout: 180_000 },
    async () => {
      const before = await claimed();
      const { folder } = before;
      let { refreshToken } = before;
      await before.lab.close();
      const seen: number[] = [];
      for (let kill = 0; kill < kills; kill++) {
        // After the commit of the tokens, after what else is written, and with the answer on its way.
        const child = spawn(
          process.execPath,
          [
            join(import.meta.dirname, 'killed-refresh.child.ts'),
            folder,
            refreshToken,
            String((kill % 3) + 1),
          ],
          // It is no test, and cleans nothing up.
          { stdio: ['ignore', 'inherit', 'inherit'], env: { PATH: process.env['PATH'] } },
        );
        const [, signal] = (await once(child, 'exit')) as [unknown, string];
        expect(signal).toBe('SIGKILL');
        const lab = await openLab({ folder });
        const answer = await refresh(lab, refreshToken);
        seen.push(answer.status);
        const tokens = next(answer);
        expect((await me(lab, tokens.access)).status).toBe(200);
        refreshToken = tokens.refresh;
        await lab.close();
      }
      expect(seen).toEqual(Array.from({ length: kills }, () => 200));
    },
  );

  it('is theft when half a minute has gone since the start', async () => {
    const { folder, lab, refreshToken } = await claimed();
    await refresh(lab, refreshToken);
    await lab.close();
    const again = await openLab({ folder });
    await again.clock.advance(seconds(31));
    expect((await refresh(again, refreshToken)).json['error']).toBe('invalid_grant');
  });

  it('is theft when its answer was used before the box ended', async () => {
    const { folder, lab, refreshToken } = await claimed();
    const { access } = next(await refresh(lab, refreshToken));
    expect((await me(lab, access)).status).toBe(200);
    await lab.close();
    const again = await openLab({ folder });
    expect((await refresh(again, refreshToken)).json['error']).toBe('invalid_grant');
    expect((await me(again, access)).status).toBe(401);
  });

  it('is theft when its time was over before the box ended', async () => {
    const { folder, lab, refreshToken } = await claimed();
    await refresh(lab, refreshToken);
    await lab.clock.advance(seconds(31));
    await lab.close();
    const again = await openLab({ folder });
    expect((await refresh(again, refreshToken)).json['error']).toBe('invalid_grant');
  });
});
