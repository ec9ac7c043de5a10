import { expect, it } from 'vitest';
import type { BoxStatus } from '../../src/box/system/status.ts';
import { statusText } from '../../src/cli/status.ts';
import { tooLong } from './run.ts';

const zone = 'ps3xu2q4xd7nia6fl5bmni3qd2n4g7ovth7x5mayid2dyqkkkxza.box.test';
const status: BoxStatus = {
  boxId: zone.slice(0, 52),
  name: 'Attic',
  health: 'ok',
  addresses: ['192.168.1.20', 'fd00::20'],
  urls: {
    main: `https://${zone}/`,
    mirrors: [`https://a.${zone}/`],
    tunnel: `https://remote.${zone}/`,
    local: 'https://porchlight-ps3xu2q4.local/',
  },
  certificate: { notAfter: '2027-02-21T05:00:00.000Z', daysLeft: 89 },
  tunnel: { phase: 'connected', reason: null },
  announcedAt: '2026-11-23T06:14:19.123Z',
  mdns: { adapter: 'avahi', instance: 'Attic' },
  setupCode: null,
  conditions: [{ name: 'network', severity: 'ok', message: 'fine', since: '2026-11-23T06:00:00.000Z' }],
};

it('says in ten lines who the box is, how to reach it, and that all is well', () => {
  expect(statusText(status)).toBe(`name         Attic
box id       ${status.boxId}
at home      https://${zone}/
outside      https://remote.${zone}/
no cloud     https://porchlight-ps3xu2q4.local/
address      192.168.1.20, fd00::20
certificate  89 days left (until 2027-02-21)
announced    2026-11-23 06:14:19 UTC

✓ all parts work
`);
});

it('says of a box that has just begun what is not there yet', () => {
  const text = statusText({
    ...status,
    urls: { mirrors: [] },
    addresses: [],
    certificate: null,
    tunnel: { phase: 'waiting', reason: 'there is no certificate yet' },
    announcedAt: null,
  });
  expect(text).toContain(
    'at home      not yet\noutside      there is no certificate yet\nno cloud     not yet\n',
  );
  expect(text).toContain('address      none\ncertificate  none yet\nannounced    not yet\n');
});

it('names each part that is not well, with what to do about it', () => {
  const since = '2026-11-23T06:00:00.000Z';
  const text = statusText({
    ...status,
    health: 'error',
    conditions: [
      {
        name: 'certificate',
        severity: 'error',
        message: 'the CA answered 429',
        remedy: 'wait until 07:00',
        since,
      },
      { name: 'zone', severity: 'warning', message: 'slow '.repeat(30).trim(), since },
      { name: 'web', severity: 'ok', message: 'fine', since },
    ],
  });
  expect(text).toContain('\n✗ certificate: the CA answered 429\n  → wait until 07:00\n! zone: slow slow');
  expect(text).not.toContain('web');
  expect(tooLong(text)).toEqual([]);
});
