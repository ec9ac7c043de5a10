import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Control } from '../../src/box/control/control.ts';
import { rootNote } from '../../src/box/audit-notes.ts';
import type { CallGuard } from '../../src/box/ports.ts';
import { updateRoutes } from '../../src/box/update/routes.ts';
import type { Updater } from '../../src/box/update/updater.ts';
import { updateCommand } from '../../src/cli/update.ts';
import { Health } from '../../src/kit/runtime/health.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { RaucLab, whyNoRauc } from '../box/update/rauc-lab.ts';
import { ReleaseServer } from '../box/update/release-server.ts';
import { updaterOf } from '../box/update/update-home.ts';
import { temporaryFolder } from '../support/folder.ts';
import { porchlight, type Ran, run, tooLong } from './run.ts';

const asRoot: CallGuard = {
  still: () => undefined,
  note: (_request, action) => rootNote(action, Date.now()),
  record: () => undefined,
};

const why = whyNoRauc();

describe.skipIf(why !== undefined)(`porchlight update ${why ?? ''}`, () => {
  const state = temporaryFolder();
  const server = new ReleaseServer();
  let lab: RaucLab;
  let updater: Updater;
  let control: Control;
  let restarts = 0;
  const update = async (...args: string[]): Promise<Ran> => {
    const ran = await run(updateCommand, [...args, '--state', state]);
    expect(tooLong(ran.out)).toEqual([]);
    return ran;
  };

  const restart = async (): Promise<void> => void restarts++;

  beforeAll(async () => {
    await server.start();
    lab = await RaucLab.open();
    updater = updaterOf({ lab, stateFolder: state, version: '1.0.0', url: server.url, restart });
    await updater.start();
    control = new Control({ stateFolder: state, health: new Health(systemClock), log: silentLog });
    control.add((app) => updateRoutes(updater)(app, { guard: asRoot }));
    await control.start();
  });
  afterAll(async () => {
    await control?.stop();
    await updater?.stop();
    await server.stop();
    await lab?.close();
  });

  it('says what is installed and what is available', async () => {
    await expect.poll(() => updater.state.value.phase).toBe('idle');
    expect((await update()).out).toBe(
      'installed  1.0.0 (slot A)\nstate      nothing to do\navailable  nothing newer known\nserver     asked not yet, channel stable\n',
    );
    server.add(lab.bundle({ version: '1.1.0' }), '1.1.0');
    expect((await update('--check')).out).toContain('available  1.1.0: Notes of 1.1.0.\n');
    expect(JSON.parse((await update('--json', '--status')).out)).toMatchObject({
      available: { version: '1.1.0' },
    });
  });

  it('pauses, resumes and changes the channel', async () => {
    expect((await update('--pause', '--channel', 'beta')).out).toContain('channel beta, paused\n');
    expect((await update('--resume')).out).toContain('channel beta\n');
    expect((await update('--channel', 'nightly')).code).toBe(2);
    await update('--channel', 'stable');
  });

  it('refuses what is not for this box, in words', async () => {
    const strange = lab.bundle({ version: '1.3.0', signer: 'stranger' });
    expect(await update(strange)).toMatchObject({ code: 1, err: expect.stringContaining('signature') });
    const old = lab.bundle({ version: '0.9.0' });
    expect(await update(old)).toMatchObject({ code: 1, err: expect.stringContaining('older than 1.0.0') });
    writeFileSync(join(state, 'empty.raucb'), '');
    expect((await update(join(state, 'empty.raucb'))).code).toBe(1);
    expect(await update('/nowhere.raucb')).toMatchObject({ code: 1, err: expect.stringContaining('ENOENT') });
    expect((await update('--restart')).err).toContain('no update waits');
    expect(lab.held('B')).toBe('1.0.0');
  });

  it('installs a bundle, and what the server has, and restarts when it is told to', async () => {
    const given = await update(lab.bundle({ version: '1.2.0' }));
    expect(given).toMatchObject({
      code: 0,
      out: expect.stringContaining('1.2.0: written; runs from the next'),
    });
    expect(lab.held('B')).toBe('1.2.0');
    const fetched = await update('--install', '--restart');
    expect(fetched).toMatchObject({ code: 0, out: expect.stringContaining('1.1.0: written') });
    expect(lab.held('B')).toBe('1.1.0');
    expect(restarts).toBe(1);
    expect(await update(lab.bundle({ version: '0.9.0' }), '--allow-downgrade')).toMatchObject({ code: 0 });
    expect(lab.held('B')).toBe('0.9.0');
  });

  it('goes to RAUC itself where no box runs', async () => {
    const elsewhere = ['--state', temporaryFolder(), '--update.rauc-config', lab.config];
    const env = { DBUS_SYSTEM_BUS_ADDRESS: lab.bus };
    const ran = await porchlight(['update', lab.bundle({ version: '1.4.0' }), ...elsewhere], env);
    expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('version 1.4.0 is written') });
    expect(lab.held('B')).toBe('1.4.0');
    const old = await porchlight(['update', lab.bundle({ version: '0.0.1' }), ...elsewhere], env);
    expect(old).toMatchObject({ code: 1, err: expect.stringContaining('older') });
    const bare = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere' };
    expect(await porchlight(['update', lab.config, ...elsewhere], bare)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no box runs here'),
    });
  });

  it('confirms at once where nothing is on trial, and where there is nothing to confirm', async () => {
    const args = ['confirm', '--update.rauc-config', lab.config];
    const env = { DBUS_SYSTEM_BUS_ADDRESS: lab.bus, STATE_DIRECTORY: temporaryFolder() };
    expect(await porchlight(args, env)).toMatchObject({
      code: 0,
      out: expect.stringContaining('not on trial'),
    });
    const bare = { ...env, DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere' };
    expect(await porchlight(args, bare)).toMatchObject({ code: 0, out: expect.stringContaining('no RAUC') });
  });
});
