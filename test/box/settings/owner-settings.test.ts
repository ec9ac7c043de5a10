import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OwnerSettings } from '../../../src/box/settings/owner-settings.ts';
import { Health } from '../../../src/kit/health.ts';
import { silentLog } from '../../../src/kit/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';

const root = temporaryFolder();
let count = 0;

function newSettings(
  folder = join(root, String(++count)),
  clock = new FakeClock(),
): { settings: OwnerSettings; folder: string; clock: FakeClock; health: Health } {
  const configured = { name: 'Porchlight', tunnel: true };
  const health = new Health(clock);
  return {
    settings: new OwnerSettings({ folder, configured, health, clock, random: () => 0, log: silentLog }),
    folder,
    clock,
    health,
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

  const all = { name: 'Porchlight', tunnel: false, discovery: 'off' } as const;
  it.each([
    ['', all],
    ['{', all],
    ['[]', all],
    ['null', all],
    ['{"name":7,"tunnel":true}', { name: 'Porchlight', tunnel: true, discovery: 'always' }],
    ['{"name":"Attic","discovery":"sometimes"}', { name: 'Attic', tunnel: true, discovery: 'off' }],
    ['{"tunnel":"false","discovery":"always"}', { name: 'Porchlight', tunnel: false, discovery: 'always' }],
  ] as const)('a damaged file %j costs the settings, not the box, and opens nothing', async (text, view) => {
    const { settings, folder } = newSettings();
    await settings.start();
    await settings.write({ name: 'Attic', tunnel: false, discovery: 'off' });
    await settings.stop();
    writeFileSync(join(folder, 'settings.json'), text);
    const { settings: again, health } = newSettings(folder);
    await again.start();
    expect(again.read()).toEqual(view);
    expect(health.conditions.value).toMatchObject([{ name: 'settings', severity: 'warning' }]);
    await again.write({ name: 'Attic', tunnel: true, discovery: 'always' });
    expect(health.conditions.value).toEqual([]);
    await again.stop();
  });
});
