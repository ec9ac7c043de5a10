import type { PublishedZone, TunnelState, ZoneCertificate } from '../../../src/box/facts.ts';
import { type BoxId, zoneNames } from '../../../src/protocol/names.ts';

export function publishedZone(
  boxId: BoxId,
  zoneRoot: string,
  change: Partial<PublishedZone> = {},
): PublishedZone {
  const here = ['192.168.1.20'];
  return {
    names: zoneNames(boxId, zoneRoot, ['a', 'b']),
    records: { main: here, mirrors: { a: here, b: here }, tunnel: [] },
    serial: 1,
    nameServers: ['127.0.0.1:53'],
    mirrorOrder: ['a', 'b'],
    rebindingFilter: undefined,
    ...change,
  };
}

export const someCertificate: ZoneCertificate = {
  chainPem: '',
  keyPem: '',
  names: [],
  notBefore: 0,
  notAfter: 1,
  serial: '01',
};

export const noTunnel: TunnelState = { phase: 'off', addresses: [], origin: undefined };

export const tunnelAt = (origin: string): TunnelState => ({
  phase: 'connected',
  addresses: ['198.51.100.7'],
  origin,
});
