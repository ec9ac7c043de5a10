import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { carryOut, stage } from '../../../src/box/state/pending.ts';
import { forgetStateBefore, keepStateBefore } from '../../../src/box/update/state-before.ts';
import { TrialMarks } from '../../../src/box/update/trial-marks.ts';
import { temporaryFolder } from '../../support/folder.ts';

let state: string;
let trial: string;

/** A start of the box: what it does before it reads anything. */
async function start(version: string): Promise<void> {
  await keepStateBefore(state, version, new TrialMarks(trial));
  await carryOut(state);
}
const mark = (slot: string): void => writeFileSync(join(trial, 'on-trial'), slot);
const store = (text: string): void => writeFileSync(join(state, 'access/access.sqlite'), text);
const stored = (): string => readFileSync(join(state, 'access/access.sqlite'), 'utf8');

beforeEach(() => {
  state = temporaryFolder();
  trial = temporaryFolder();
  for (const name of ['access', 'certificate/orders']) mkdirSync(join(state, name), { recursive: true });
  store('of version 1');
  writeFileSync(join(state, 'certificate/orders/1'), 'order');
});

describe('the state before an update', () => {
  it('comes back with the release that comes back', async () => {
    await start('1.0.0');
    mark('B');
    await start('1.1.0');
    store('of version 2, which version 1 cannot read');
    mkdirSync(join(state, 'new-part'));
    rmSync(join(state, 'certificate'), { recursive: true });
    // Starts again and again do not make another copy.
    await start('1.1.0');
    await start('1.0.0');
    expect(stored()).toBe('of version 1');
    expect(readFileSync(join(state, 'certificate/orders/1'), 'utf8')).toBe('order');
    expect(existsSync(join(state, 'new-part'))).toBe(false);
    // Once: what is written from then on stays.
    store('of version 1, later');
    await start('1.0.0');
    expect(stored()).toBe('of version 1, later');
  });

  it('does not come back once the release is found good, also by a downgrade', async () => {
    await start('1.0.0');
    mark('B');
    await start('1.1.0');
    store('of version 2');
    rmSync(join(trial, 'on-trial'));
    mark('A');
    await start('1.0.0');
    expect(stored()).toBe('of version 2');
  });

  it('does not bring back what was forgotten meanwhile', async () => {
    await start('1.0.0');
    mark('B');
    await start('1.1.0');
    await stage(state, { action: 'reset', kept: ['certificate'] }, new Map());
    await start('1.1.0');
    await start('1.0.0');
    expect(existsSync(join(state, 'access'))).toBe(false);
    expect(readFileSync(join(state, 'certificate/orders/1'), 'utf8')).toBe('order');
  });

  it('is let go when nobody can come back for it', async () => {
    await start('1.0.0');
    mark('B');
    await start('1.1.0');
    await forgetStateBefore(state);
    store('of version 2');
    await start('1.0.0');
    expect(stored()).toBe('of version 2');
  });

  it('is of no interest where nothing is on trial', async () => {
    await start('1.0.0');
    await start('1.1.0');
    store('of version 2');
    await start('1.0.0');
    expect(stored()).toBe('of version 2');
    expect(existsSync(join(state, '.update/before'))).toBe(false);
  });
});
