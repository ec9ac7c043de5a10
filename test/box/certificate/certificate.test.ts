import { X509Certificate } from 'node:crypto';
import type { CaaRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours } from '../../../src/kit/runtime/clock.ts';
import { until } from '../../../src/kit/runtime/fact.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { createKeeper, createLab, eventually, type Lab } from './lab.ts';
import { OffsetClock } from './offset-clock.ts';

const patience = (): AbortSignal => AbortSignal.timeout(15_000);

describe.each([
  ['as it is', {}],
  ['refusing one nonce in five', { PEBBLE_WFE_NONCEREJECT: '20' }],
])('a certificate from a CA %s', (_, pebbleEnv) => {
  const folder = temporaryFolder();
  let lab: Lab;
  beforeAll(async () => (lab = await createLab({ folder, pebbleEnv })));
  afterAll(() => lab.close());

  async function caa(): Promise<CaaRecord[]> {
    const resolver = new Resolver();
    resolver.setServers([lab.dns.address()]);
    return resolver.resolveCaa(lab.names.main);
  }

  it('is for the zone and all below it, trusted, kept, and leaves nothing in the zone', async () => {
    const state = join(folder, 'state');
    const { keeper, steps, severity, message } = createKeeper(lab, state);
    await keeper.start();
    const certificate = await until(keeper.certificate, (value) => value !== undefined, patience());
    await eventually('ready', () => steps.includes('challenges-removed') && severity() === 'ok');
    await keeper.stop();

    const { main } = lab.names;
    expect(certificate?.names).toEqual([main, `*.${main}`]);
    expect(message()).toContain('valid until');
    expect(await lab.challenges()).toEqual([]);
    const chain = certificate?.chainPem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
    const [leaf, intermediate] = chain.map((pem) => new X509Certificate(pem));
    const root = new X509Certificate(await lab.pebble.roots());
    expect(leaf?.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(leaf?.verify(intermediate?.publicKey ?? root.publicKey)).toBe(true);
    expect(intermediate?.verify(root.publicKey)).toBe(true);
    for (const file of ['accounts.json', `pairs/${certificate?.serial.toLowerCase()}/key.pem`]) {
      expect(statSync(join(state, file)).mode & 0o077).toBe(0);
    }
    // The account is pinned in the zone before the CA looks (RFC 8657).
    const account = Object.values(
      JSON.parse(readFileSync(join(state, 'accounts.json'), 'utf8')) as object,
    )[0] as { url: string };
    const issue = expect.stringMatching(new RegExp(`^pebble.localhost;.* accounturi=${account.url}$`));
    expect(await caa()).toContainEqual(expect.objectContaining({ issue }));
  });

  it('is kept over a restart without a word to the CA', async () => {
    const asked = lab.proxy.seen.length;
    const { keeper, severity } = createKeeper(lab, join(folder, 'state'));
    await keeper.start();
    // At once: pages are served from now on.
    const certificate = keeper.certificate.value;
    expect(certificate?.names).toContain(lab.names.main);
    await eventually('ready', () => severity() === 'ok');
    await keeper.stop();
    expect(lab.proxy.seen.length).toBe(asked);
  });

  it('stays pinned to the account of the box, also after the dns-server has lost its store', async () => {
    const signal = patience();
    const pinned = await caa();
    await lab.zoneClient.leave(signal);
    await lab.zoneClient.put({ main: ['192.168.1.20'], mirrors: {}, tunnel: [] }, signal);
    expect(await caa()).not.toEqual(pinned);
    const clock = new OffsetClock();
    const { keeper } = createKeeper(lab, join(folder, 'state'), { clock });
    await keeper.start();
    await eventually('pinned at the start', async () => isDeepStrictEqual(await caa(), pinned));
    await lab.zoneClient.setCaa(null, signal);
    await eventually('at rest', () => clock.asleep > 0);
    for (let hour = 0; hour < 25; hour++) clock.advance(hours(1));
    await eventually('pinned again', async () => isDeepStrictEqual(await caa(), pinned));
    await keeper.stop();
  });
});
