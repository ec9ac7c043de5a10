import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../../src/box/web/proxy-protocol.ts';

const read = (text: string): ReturnType<typeof readProxyHeader> =>
  readProxyHeader(Buffer.from(text, 'latin1'));

describe('PROXY protocol, version 1', () => {
  it.each([
    ['PROXY TCP4 203.0.113.9 192.0.2.1 55555 443\r\n', { address: '203.0.113.9', port: 55_555 }],
    ['PROXY TCP6 2001:DB8::9 ::1 1 443\r\nrest', { address: '2001:db8::9', port: 1 }],
    ['PROXY TCP6 ::ffff:203.0.113.9 ::1 1 443\r\n', { address: '203.0.113.9', port: 1 }],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n', undefined],
  ])('%j', (text, visitor) => {
    const length = text.indexOf('\r\n') + 2;
    expect(read(text)).toEqual({ state: 'complete', length, visitor });
  });

  it.each([
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 999.1.1.1 1.1.1.1 1 1\r\n',
    'PROXY TCP4 1.1.1.1 1.1.1.1 99999 1\r\n',
    'PROXY TCP4 1.1.1.1\r\n',
    '\r\n',
    'x'.repeat(107),
    `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
  ])('refuses %j', (text) => {
    expect(read(text)).toEqual({ state: 'invalid' });
  });

  it('waits for the rest of a header that has not arrived whole, and never throws', () => {
    const whole = 'PROXY TCP4 203.0.113.9 192.0.2.1 55555 443\r\n';
    for (let end = 0; end < whole.length; end++)
      expect(read(whole.slice(0, end))).toEqual({ state: 'incomplete' });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { state } = readProxyHeader(Buffer.from(bytes));
        return (
          ['incomplete', 'invalid', 'complete'].includes(state) &&
          (state !== 'incomplete' || bytes.length < 107)
        );
      }),
    );
  });
});
