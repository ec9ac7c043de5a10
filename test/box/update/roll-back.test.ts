import { execFileSync } from '../../support/programs.ts';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { RaucLab, whyNoRauc } from './rauc-lab.ts';

const why = whyNoRauc();
const script = join(import.meta.dirname, '../../../systemd/porchlight-roll-back');

describe.skipIf(why !== undefined)(`porchlight-roll-back ${why ?? ''}`, () => {
  let lab: RaucLab;
  const programs = temporaryFolder();
  const calls = join(programs, 'calls');
  const program = (name: string, does: string): void =>
    writeFileSync(join(programs, name), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
  beforeAll(async () => {
    lab = await RaucLab.open();
    // As installed RAUC finds its settings, and systemd does not restart this machine.
    program('rauc', `exec /usr/bin/rauc --conf=${lab.config} "$@"`);
    program('systemctl', `echo "$@" >> ${calls}`);
  });
  afterAll(() => lab?.close());
  beforeEach(() => rmSync(calls, { force: true }));

  const takeBack = (): string => {
    const env = {
      PATH: `${programs}:${process.env['PATH']}`,
      DBUS_SYSTEM_BUS_ADDRESS: lab.bus,
      PORCHLIGHT_TRIAL_FOLDER: lab.trialFolder,
    };
    execFileSync(script, { env, stdio: 'ignore' });
    return existsSync(calls) ? readFileSync(calls, 'utf8').trim() : '';
  };

  it('does nothing to a slot that is not on trial', () => {
    expect(takeBack()).toBe('');
    writeFileSync(join(lab.trialFolder, 'on-trial'), 'B\n');
    expect(takeBack()).toBe('');
    expect(lab.goodOf('A')).toBe('good');
  });

  it('marks the slot on trial bad and restarts, with RAUC and systemd alone', async () => {
    await lab.boot('B');
    lab.next = 'B';
    expect(takeBack()).toBe('--no-block reboot');
    expect(lab.goodOf('B')).toBe('bad');
    expect(lab.next).toBe('A');
  });
});
