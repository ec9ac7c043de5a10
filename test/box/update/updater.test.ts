import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { confirm } from '../../../src/box/update/confirm.ts';
import { TrialMarks } from '../../../src/box/update/trial-marks.ts';
import { machineFolder } from '../../../src/box/state/folders.ts';
import type { Updater } from '../../../src/box/update/updater.ts';
import { days, minutes, systemClock } from '../../../src/kit/runtime/clock.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { HealthPage } from '../../../src/kit/http/health-page.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { RaucLab, whyNoRauc } from './rauc-lab.ts';
import { ReleaseServer } from './release-server.ts';
import { updaterOf } from './update-home.ts';

const why = whyNoRauc();

describe.skipIf(why !== undefined)(`updates with RAUC ${why ?? ''}`, () => {
  let lab: RaucLab;
  let server: ReleaseServer;
  let state: string;
  /** Where bundles and the record lie. */
  let folder: string;
  let clock: FakeClock;
  let health: Health;
  let updater: Updater;
  let restarts: number;

  beforeAll(() => {
    server = new ReleaseServer();
    return server.start();
  });
  afterAll(() => server.stop());

  /** The daemon of this version, on the slot that runs. */
  async function start(version: string): Promise<void> {
    updater = updaterOf({
      lab,
      stateFolder: state,
      version,
      url: server.url,
      clock,
      health,
      restart: async () => void restarts++,
    });
    await updater.start();
    await expect.poll(() => updater.state.value.phase).not.toBe('not-an-appliance');
  }
  const phase = (): string => updater.state.value.phase;
  const condition = () => health.conditions.value.find(({ name }) => name === 'update');

  beforeEach(async () => {
    lab = await RaucLab.open();
    state = temporaryFolder();
    folder = join(state, machineFolder);
    clock = new FakeClock();
    health = new Health(clock);
    restarts = 0;
    server.indexes.clear();
    server.ranges.length = 0;
    server.cutAfter = [];
    server.supportsRanges = true;
  });
  afterEach(async () => {
    await updater.stop();
    await lab.close();
  });

  /** The machine restarts into a slot, with the version it holds. */
  async function reboot(slot: 'A' | 'B'): Promise<void> {
    await updater.stop();
    await lab.boot(slot);
    await start(lab.held(slot) ?? '');
  }

  /** Ends the trial as porchlight-confirm does. */
  async function judge(seen: Health): Promise<boolean> {
    const page = new HealthPage({
      port: 0,
      setting: 'x',
      health: seen,
      metrics: async () => '',
      status: () => ({}),
    });
    await page.start();
    // A clock that jumps from look to look.
    let now = 0;
    const monotonic = { ...systemClock, monotonic: () => now, sleep: async (ms: number) => void (now += ms) };
    try {
      return await confirm(
        {
          rauc: lab.rauc,
          marks: new TrialMarks(lab.trialFolder),
          port: page.port,
          notes: folder,
          runtimeFolder: temporaryFolder(),
          limitMs: minutes(5),
          clock: monotonic,
          say: () => undefined,
        },
        AbortSignal.timeout(20_000),
      );
    } finally {
      await page.stop();
    }
  }

  it('takes what is new by itself, restarts at night, and keeps it when the box is healthy', async () => {
    server.add(lab.bundle({ version: '1.1.0' }), '1.1.0');
    await start('1.0.0');
    expect(updater.state.value).toMatchObject({ phase: 'idle', slot: 'A', version: '1.0.0' });
    await clock.advance(minutes(40));
    await expect.poll(async () => (await clock.advance(1000), phase())).toBe('awaiting-reboot');
    expect(updater.state.value).toMatchObject({ target: '1.1.0', available: { version: '1.1.0' } });
    expect(lab.held('B')).toBe('1.1.0');
    const { restartsAt } = updater.state.value;
    expect(new Date(restartsAt ?? 0).getHours()).toBe(3);
    expect(restarts).toBe(0);
    await expect.poll(async () => (await clock.advance(minutes(5)), restarts)).toBe(1);
    expect(clock.now()).toBeGreaterThanOrEqual(restartsAt ?? Infinity);

    await reboot('B');
    expect(updater.state.value).toMatchObject({ phase: 'trial', slot: 'B', version: '1.1.0' });
    await expect(updater.install({})).rejects.toMatchObject({ code: 'on-trial' });
    expect(await judge(health)).toBe(true);
    await expect.poll(async () => (await clock.advance(minutes(1)), phase())).toBe('idle');
    expect(updater.state.value.takenBack).toBeNull();
    expect(condition()).toMatchObject({ severity: 'ok' });
    expect(readdirSync(folder).filter((name) => name.endsWith('.raucb'))).toEqual([]);
  });

  it('is told when a release is taken back and why, and does not take it again', async () => {
    server.add(lab.bundle({ version: '1.1.0' }), '1.1.0');
    // Both were wrong before: the one is no worse, the other is news.
    health.set('certificate', 'error', 'the CA is down');
    await start('1.0.0');
    await updater.install({});
    await expect.poll(phase).toBe('awaiting-reboot');
    await reboot('B');
    expect(phase()).toBe('trial');
    const ill = new Health(clock);
    ill.set('certificate', 'error', 'the CA is down');
    ill.set('web', 'error', 'the port cannot be opened');
    expect(await judge(ill)).toBe(false);
    // porchlight-roll-back: marks it bad and restarts.
    lab.next = 'A';
    await reboot('A');
    await expect.poll(phase).toBe('idle');
    expect(updater.state.value.takenBack).toMatchObject({
      version: '1.1.0',
      reason: 'web: the port cannot be opened',
    });
    expect(condition()).toMatchObject({ severity: 'warning', message: expect.stringContaining('1.1.0') });
    await clock.advance(days(3));
    await expect.poll(() => updater.state.value.available?.version).toBe('1.1.0');
    await clock.advance(days(2));
    await expect.poll(phase).toBe('idle');
    expect(server.ranges).toHaveLength(1);
    expect(lab.next).toBe('A');
  });

  it('keeps a good release in an outage that was there before', async () => {
    health.set('tunnel', 'error', 'no internet');
    await start('1.0.0');
    await updater.receive(Readable.from([readFileSync(lab.bundle({ version: '1.1.0' }))]), {
      allowDowngrade: false,
    });
    await expect.poll(phase).toBe('awaiting-reboot');
    await reboot('B');
    expect(await judge(health)).toBe(true);
    expect(existsSync(join(lab.trialFolder, 'on-trial'))).toBe(false);
    expect(lab.goodOf('B')).toBe('good');
  });

  it('says that a release did not come up, when nothing else is known', async () => {
    await start('1.0.0');
    await updater.receive(Readable.from([readFileSync(lab.bundle({ version: '1.1.0' }))]), {
      allowDowngrade: false,
    });
    await expect.poll(phase).toBe('awaiting-reboot');
    // The boot loader has counted its tries down, in a variable that RAUC does not know.
    await reboot('A');
    expect(await judge(health)).toBe(true);
    expect(lab.next).toBe('A');
    updater.look();
    await expect.poll(async () => (await clock.advance(6000), updater.look(), phase())).toBe('idle');
    expect(updater.state.value.takenBack).toMatchObject({ version: '1.1.0', reason: 'it did not come up' });
    await updater.stop();
    await lab.boot('A');
    await start('1.0.0');
    expect(updater.state.value.takenBack?.version).toBe('1.1.0');
  });

  it('refuses what is not for it, with the slot untouched', async () => {
    const before = readFileSync(join(lab.folder, 'B.img'));
    await start('1.2.0');
    const give = (path: string, allow = false, bytes = Infinity): Promise<unknown> =>
      updater.receive(Readable.from([readFileSync(path).subarray(0, bytes)]), { allowDowngrade: allow });
    const old = lab.bundle({ version: '1.1.0' });
    await expect(give(old)).rejects.toMatchObject({ code: 'downgrade-refused' });
    await expect(give(lab.bundle({ version: '1.3.0', signer: 'stranger' }))).rejects.toMatchObject({
      code: 'bundle-refused',
    });
    await expect(give(lab.bundle({ version: '1.3.0' }), false, 100_000)).rejects.toMatchObject({
      code: 'bundle-refused',
    });
    await expect(give(lab.bundle({ version: '1.3.0', compatible: 'toaster' }))).rejects.toMatchObject({
      code: 'bundle-refused',
    });
    expect(readFileSync(join(lab.folder, 'B.img')).equals(before)).toBe(true);
    expect(updater.state.value).toMatchObject({ phase: 'failed', trouble: { code: 'bundle-refused' } });
    expect(condition()?.severity).toBe('warning');
    await give(old, true);
    await expect.poll(phase).toBe('awaiting-reboot');
    // Not forward again by itself.
    expect(updater.state.value).toMatchObject({ paused: true, restartsAt: null });
    expect(lab.held('B')).toBe('1.1.0');
  });

  it('does one thing at a time', async () => {
    await start('1.0.0');
    const endless = new Readable({ read: () => undefined });
    const first = updater.receive(endless, { allowDowngrade: false });
    await expect.poll(() => existsSync(join(folder, 'uploaded.raucb'))).toBe(true);
    await expect(updater.check()).rejects.toMatchObject({ code: 'update-busy' });
    endless.destroy(new Error('the browser is gone'));
    await expect(first).rejects.toThrow('gone');
    await expect.poll(phase).toBe('failed');
    await updater.check().catch(() => undefined);
  });

  it('goes on where a download was cut off, with and without ranges', async () => {
    const release = server.add(lab.bundle({ version: '1.1.0' }), '1.1.0');
    await start('1.0.0');
    server.cutAfter = [400_000, 0, 300_000];
    await updater.install({});
    await expect.poll(phase).toBe('awaiting-reboot');
    expect(server.ranges[0]).toBeUndefined();
    expect(server.ranges.at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
    expect(lab.held('B')).toBe('1.1.0');

    server.supportsRanges = false;
    server.cutAfter = [400_000];
    await updater.install({ version: release.version });
    await expect.poll(phase).toBe('awaiting-reboot');
    expect(updater.state.value.trouble).toBeNull();
  });

  it('is not fooled by a server that offers an old release as a new one', async () => {
    // Really signed, and older: the index lies.
    const release = server.add(lab.bundle({ version: '0.9.0' }), '9.0.0');
    await start('1.0.0');
    await clock.advance(minutes(40));
    await expect.poll(() => updater.state.value.trouble?.code).toBe('downgrade-refused');
    expect(lab.held('B')).toBe('1.0.0');
    // Not fetched a second time for nothing.
    const fetched = server.ranges.length;
    await clock.advance(days(2));
    expect(server.ranges.length).toBe(fetched);
    // A bundle that is not what the index says.
    const bytes = Buffer.alloc(release.size, 'x');
    server.files.set(release.file, bytes);
    await updater.install({ version: '9.0.0' });
    await expect.poll(() => updater.state.value.trouble?.code).toBe('bad-answer');
    server.indexes.set('stable', { releases: 'none' });
    await expect(updater.check()).rejects.toMatchObject({ code: 'bad-answer' });
  });

  it('does not write the same release again because a server calls it a newer one', async () => {
    const bundle = lab.bundle({ version: '1.2.0' });
    server.add(bundle, '9.0.0');
    await start('1.2.0');
    await updater.install({});
    await expect.poll(phase).toBe('failed');
    expect(updater.state.value.trouble).toMatchObject({ code: 'bundle-refused' });
    expect(lab.held('B')).toBe('1.0.0');
    expect(readdirSync(folder).filter((name) => name.endsWith('.raucb'))).toEqual([]);
  });

  it('does nothing unasked while it is paused, and follows its channel', async () => {
    server.add(lab.bundle({ version: '1.1.0' }), '1.1.0');
    server.add(lab.bundle({ version: '1.2.0-beta.1' }), '1.2.0-beta.1', 'beta');
    await start('1.0.0');
    await updater.configure({ channel: 'beta', paused: true });
    await clock.advance(days(3));
    expect(updater.state.value).toMatchObject({ phase: 'idle', checkedAt: null });
    expect(await updater.check()).toMatchObject({ available: { version: '1.2.0-beta.1' } });
    await updater.install({});
    await expect.poll(phase).toBe('awaiting-reboot');
    expect(updater.state.value.restartsAt).toBeNull();
    await clock.advance(days(2));
    expect(restarts).toBe(0);
    await updater.restart();
    expect(restarts).toBe(1);
    // Kept over a restart of the daemon.
    await updater.stop();
    await start('1.0.0');
    expect(updater.state.value).toMatchObject({ channel: 'beta', paused: true, phase: 'awaiting-reboot' });
  });

  it('follows an installation that it finds under way, and survives a damaged memory', async () => {
    const bundle = lab.bundle({ version: '1.1.0' });
    await start('1.0.0');
    await updater.configure({ channel: 'beta', paused: false });
    await updater.stop();
    writeFileSync(join(state, 'update/settings.json'), '{"channel":');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'record.json'), 'null');
    const installed = lab.rauc.install(bundle, AbortSignal.timeout(20_000), () => undefined);
    await start('1.0.0');
    await installed;
    // The clock goes on while RAUC does: a look that came a moment too early is followed by another.
    await expect
      .poll(async () => (await clock.advance(minutes(1)), updater.look(), phase()))
      .toBe('awaiting-reboot');
    expect(updater.state.value).toMatchObject({ target: '1.1.0', channel: 'stable', paused: true });
  });
});
