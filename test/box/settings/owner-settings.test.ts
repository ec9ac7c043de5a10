import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OwnerSettings } from '../../../src/box/settings/owner-settings.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { Markers } from '../../../src/kit/store/markers.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const root = temporaryFolder();
let count = 0;

function newSettings(
  folder = join(root, String(++count), 'settings'),
  clock = new FakeClock(),
): { settings: OwnerSettings; health: Health; folder: string; clock: FakeClock } {
  const health = new Health(clock);
  const rest = { markers: new Markers(dirname(folder)) };
  const configured = { name: 'Porchlight', tunnel: true };
  return {
    settings: new OwnerSettings({
      ...rest,
      folder,
      configured,
      clock,
      health,
      random: () => 0,
      log: silentLog,
    }),
    health,
    folder,
    clock,
  };
}

describe('what owners set', () => {
  it('is the configuration until they set something, and survives a restart', async () => {
    const { settings, folder, clock } = newSettings();
    await settings.start();
    expect(settings.read()).toEqual({ name: 'Porchlight', tunnel: true, discovery: 'always' });
    await settings.write({ name: 'Attic', tunnel: false, discovery: 'off' });
    expect([settings.boxName.value, settings.tunnelWanted.value, settings.hidden.value]).toEqual([
      'Attic',
      false,
      true,
    ]);
    await settings.stop();
    const again = newSettings(folder, clock).settings;
    await again.start();
    expect(again.read()).toEqual({ name: 'Attic', tunnel: false, discovery: 'off' });
    expect([again.boxName.value, again.tunnelWanted.value, again.hidden.value]).toEqual([
      'Attic',
      false,
      true,
    ]);
    await again.stop();
  });

  it('is never a name that cannot be read, or that could break what it is written into', async () => {
    const { settings } = newSettings();
    await settings.start();
    const rest = { tunnel: true, discovery: 'always' } as const;
    const { name } = await settings.write({ name: ' The\u202E \u0000Attic\uD800 ', ...rest });
    expect([name, settings.boxName.value]).toEqual(['The Attic', 'The Attic']);
    for (const name of [' ', '\u0007', '\u200B'])
      await expect(settings.write({ name, ...rest })).rejects.toMatchObject({ code: 'bad-request' });
    expect(settings.boxName.value).toBe('The Attic');
    await settings.stop();
  });

  it('opens a window for a while, and then the box is hidden', async () => {
    const { settings, clock } = newSettings();
    await settings.start();
    const view = await settings.write({ name: 'Attic', tunnel: true, discovery: { forMinutes: 15 } });
    expect(view.discovery).toEqual({ until: clock.now() + 15 * 60_000 });
    expect([settings.discoverable.value, settings.hidden.value]).toEqual([true, false]);
    await clock.advance(15 * 60_000 - 1);
    expect([settings.discoverable.value, settings.hidden.value]).toEqual([true, false]);
    expect(settings.read()).toEqual(view);
    await clock.advance(1);
    expect([settings.discoverable.value, settings.hidden.value]).toEqual([false, true]);
    // So says the form, too, and saving a new name opens nothing.
    expect(settings.read()).toEqual({ ...view, discovery: 'off' });
    await settings.stop();
  });

  it.each(['', '{', '[]', '{"name":7}', '{"discovery":"sometimes"}', undefined])(
    'a damaged or lost file %j costs the settings, not the box, and opens nothing',
    async (text) => {
      const { settings, folder } = newSettings();
      await settings.start();
      await settings.write({ name: 'Attic', tunnel: false, discovery: 'off' });
      await settings.stop();
      const path = join(folder, 'settings.json');
      if (text === undefined) rmSync(path);
      else writeFileSync(path, text);
      const { settings: again, health } = newSettings(folder);
      await again.start();
      expect(again.read()).toEqual({ name: 'Porchlight', tunnel: false, discovery: 'off' });
      expect(health.conditions.value).toMatchObject([{ name: 'settings', severity: 'error' }]);
      await again.write({ name: 'Attic', tunnel: true, discovery: 'always' });
      expect(health.conditions.value).toEqual([]);
      await again.stop();
      const { settings: third } = newSettings(folder);
      await third.start();
      expect(third.read()).toEqual({ name: 'Attic', tunnel: true, discovery: 'always' });
      await third.stop();
    },
  );

  it('no flipped bit opens what an owner closed', async () => {
    const { settings, folder } = newSettings();
    await settings.start();
    const chosen = { name: 'Attic', tunnel: false, discovery: 'off' } as const;
    await settings.write(chosen);
    await settings.stop();
    const path = join(folder, 'settings.json');
    const whole = readFileSync(path);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (whole[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(path, flipped);
      const { settings: again } = newSettings(folder);
      await again.start();
      expect(again.read()).toMatchObject({ tunnel: false, discovery: 'off' });
      expect(['Attic', 'Porchlight']).toContain(again.read().name);
      await again.stop();
    }
  });

  it('takes the file of an older version, which has no checksum', async () => {
    const { settings, folder } = newSettings();
    await settings.start();
    await settings.stop();
    mkdirSync(folder, { recursive: true });
    const chosen = { name: 'Attic', tunnel: true, discovery: 'off' };
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(chosen));
    const { settings: again } = newSettings(folder);
    await again.start();
    expect(again.read()).toEqual(chosen);
    await again.stop();
  });
});
