import type { PublishedZone } from '../../../src/box/facts.ts';
import type { ZoneNames } from '../../../src/protocol/names.ts';

/** The zone fact of a box whose zone is served. */
export function publishedZone(names: ZoneNames): PublishedZone {
  return {
    names,
    records: { main: ['192.168.1.20'], mirrors: {}, tunnel: [] },
    serial: 1,
    nameServers: [],
    mirrorOrder: ['a', 'b'],
    rebindingFilter: undefined,
  };
}
