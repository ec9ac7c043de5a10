import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OwnerSettings } from '../../../src/box/settings/owner-settings.ts';
import { silentLog } from '../../../src/kit/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const root = temporaryFolder();
let count = 0;

function newSettings(
  folder = join(root, String(++count)),
  clock = new FakeClock(),
): { settings: OwnerSettings; folder: string; clock: FakeClock } {
  const configured = { name: 'Porchlight', tunnel: true };
  return {
    settings: new OwnerSettings({ folder, configured, clock, random: () => 0, log: silentLog }),
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

  it.each(['', '{', '[]', '{"name":7}', '{"discovery":"sometimes"}'])(
    'a damaged file %j costs the settings, not the box',
    async (text) => {
      const { settings, folder } = newSettings();
      await settings.start();
      await settings.write({ name: 'Attic', tunnel: false, discovery: 'off' });
      await settings.stop();
      writeFileSync(join(folder, 'settings.json'), text);
      const again = newSettings(folder).settings;
      await again.start();
      expect(again.read()).toEqual({ name: 'Porchlight', tunnel: true, discovery: 'always' });
      await again.stop();
    },
  );
});
