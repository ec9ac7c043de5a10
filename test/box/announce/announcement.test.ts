import * as fc from 'fast-check';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { type Announceable, announcementFor } from '../../../src/box/announce/announcement.ts';
import { announcementOf } from '../../../src/cloud/registration-server/announcement.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';
import { Announcement } from '../../../src/protocol/registration-api.ts';
import { noTunnel, publishedZone, someCertificate, tunnelAt } from './facts.ts';

const boxId = boxIdFromDigest(new Uint8Array(32));
const root = 'box.example.org';
const zone = `${boxId}.${root}`;
const here = ['192.168.1.20', 'fd00::20'];
const published = publishedZone(boxId, root, {
  records: { main: here, mirrors: { a: here, b: here }, tunnel: ['198.51.100.7'] },
});

const base: Announceable = {
  zone: published,
  certificate: someCertificate,
  tunnel: noTunnel,
  mdns: { adapter: undefined, instance: undefined, host: undefined },
  claimed: false,
  discoverable: false,
  name: 'Kitchen',
  httpsPort: 443,
};

const announced = (change: Partial<Announceable>): Announcement => {
  const result = announcementFor({ ...base, ...change });
  if ('nothingYet' in result) throw new Error(result.nothingYet);
  return result;
};

describe('what is announced', () => {
  it('is everything that is true', () => {
    expect(
      announced({
        tunnel: tunnelAt(`https://remote.${zone}`),
        mdns: { adapter: 'bonjour', instance: 'Kitchen', host: 'Porchlight-abc.local' },
        zone: { ...published, mirrorOrder: ['b', 'a'], rebindingFilter: true },
        claimed: true,
        discoverable: true,
        httpsPort: 8443,
      }),
    ).toEqual({
      v: '1.0',
      name: 'Kitchen',
      claimed: true,
      local_origin: `https://${zone}:8443`,
      mirror_origins: [`https://b.${zone}:8443`, `https://a.${zone}:8443`],
      tunnel_origin: `https://remote.${zone}`,
      rebinding_filter: true,
      mdns_host: 'porchlight-abc.local',
      discoverable: true,
    });
  });

  it.each<[what: string, change: Partial<Announceable>, why: string]>([
    ['no zone yet', { zone: undefined }, 'the zone is not published yet'],
    [
      'no address',
      { zone: publishedZone(boxId, root, { records: { main: [], mirrors: {}, tunnel: [] } }) },
      'the box has no address on the home network',
    ],
    ['no certificate', { certificate: undefined }, 'there is no certificate yet'],
  ])('is nothing: %s', (_, change, nothingYet) => {
    expect(announcementFor({ ...base, ...change })).toEqual({ nothingYet });
  });

  it('leaves out a mirror that still holds the address of before, and one that does not exist yet', () => {
    const records = { ...published.records, mirrors: { a: ['192.168.1.9'], b: here.toReversed() } };
    expect(
      announced({ zone: { ...published, records, mirrorOrder: ['a', 'b', 'c'] } }).mirror_origins,
    ).toEqual([`https://b.${zone}`]);
  });

  it('has the tunnel only while it is connected and its name is answered', () => {
    const tunnel = tunnelAt(`https://remote.${zone}`);
    const unnamed = { ...published, records: { ...published.records, tunnel: [] } };
    expect(announced({ tunnel }).tunnel_origin).toBe(`https://remote.${zone}`);
    expect(announced({ tunnel, zone: unnamed }).tunnel_origin).toBeNull();
    expect(announced({ tunnel: { ...tunnel, phase: 'lost' } }).tunnel_origin).toBeNull();
  });

  it('is something the server accepts, whatever the owner and the machine are called', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 100 }),
        fc.string({ maxLength: 70 }),
        (name, host) => {
          const mdns = { adapter: 'avahi' as const, instance: name, host: `${host}.local` };
          const result = announced({ name, mdns });
          expect(Value.Check(Announcement, result)).toBe(true);
          expect(name.trim()).toContain(result.name === 'Porchlight' ? '' : result.name);
          expect(announcementOf(JSON.stringify(result), boxId, root)).toEqual(result);
        },
      ),
    );
  });
});
