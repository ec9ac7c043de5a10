import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MdnsAnnouncer } from '../../../src/box/mdns/mdns-announcer.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { soon } from '../../support/soon.ts';

const boxId = boxIdFromDigest(new Uint8Array(32));

/** A box told to use avahi where no daemon answers: nothing but the file can be seen. */
function box(folder: string) {
  const clock = new FakeClock();
  const health = new Health(clock);
  const name = new OwnedFact('Kitchen');
  const announcer = new MdnsAnnouncer({
    identity: { boxId, fingerprint: '00', certPem: '', keyPem: '' },
    name,
    network: new OwnedFact({ interfaces: [], addresses: [] }),
    port: () => 8443,
    path: '/',
    adapter: 'avahi',
    avahiServiceFolder: folder,
    avahiSocket: join(folder, 'no-socket'),
    log: silentLog,
    clock,
    random: () => 0.5,
    health,
  });
  return { clock, name, announcer, condition: () => health.conditions.value[0] };
}

describe('the service file', () => {
  it('follows the name, returns when it is deleted, and goes with the box', async () => {
    const folder = temporaryFolder();
    const { clock, name, announcer, condition } = box(folder);
    const path = join(folder, 'porchlight-aaaaaaaa.service');
    const text = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
    await announcer.start();
    await expect.poll(text, soon).toContain('<name replace-wildcards="no">Kitchen</name>');
    // avahi-daemon reads it as a user of its own.
    expect(statSync(path).mode & 0o777).toBe(0o644);
    await expect.poll(condition, soon).toMatchObject({
      severity: 'warning',
      message: 'avahi-daemon does not answer',
      remedy: 'start avahi-daemon, or set mdns.adapter to auto',
    });
    name.set('Cellar');
    await expect.poll(text, soon).toContain('Cellar');
    rmSync(path);
    await expect.poll(() => clock.sleeping, soon).toBe(1);
    await clock.advance(60_000);
    await expect.poll(text, soon).toContain('Cellar');
    await announcer.stop();
    expect(readdirSync(folder)).toEqual([]);
    expect(announcer.state.value.adapter).toBeUndefined();
    expect(condition()).toBeUndefined();
  });

  it('that cannot be written is an error with a remedy, until it can', async () => {
    const folder = join(temporaryFolder(), 'later');
    const { clock, announcer, condition } = box(folder);
    await announcer.start();
    await expect.poll(condition, soon).toMatchObject({
      severity: 'error',
      remedy: expect.stringContaining('the right to write avahi’s folder') as string,
    });
    mkdirSync(folder);
    await expect.poll(() => clock.sleeping, soon).toBe(1);
    await clock.advance(60_000);
    await expect.poll(() => readdirSync(folder), soon).toHaveLength(1);
    await announcer.stop();
  });
});
