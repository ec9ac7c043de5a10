import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientHello, readClientHello } from '../../../src/cloud/relay/client-hello.ts';
import { captureClientHello } from './hello.ts';

const name = 'remote.abc.box.test';
const hello = await captureClientHello(name);

/** The same handshake message in records of the given sizes. */
function inRecords(bytes: Buffer, sizes: readonly number[]): Buffer {
  const records: Buffer[] = [];
  let rest = bytes.subarray(5);
  for (const size of [...sizes, rest.length]) {
    const part = rest.subarray(0, size);
    if (part.length === 0) break;
    const header = Buffer.from([0x16, 3, 1, 0, 0]);
    header.writeUInt16BE(part.length, 3);
    records.push(header, part);
    rest = rest.subarray(size);
  }
  return Buffer.concat(records);
}

const seldomWrong: fc.Parameters<unknown> = { numRuns: 2000 };

describe('a ClientHello', () => {
  it('tells its server name', () => {
    expect(readClientHello(hello)).toEqual({ kind: 'hello', serverName: name });
  });

  it('tells it in lower case and without the dot of the root', async () => {
    const other = await captureClientHello('Remote.ABC.box.test');
    expect(readClientHello(other)).toMatchObject({ serverName: name });
    const text = hello.toString('latin1').replace(name, `${name.slice(0, -1)}.`);
    expect(readClientHello(Buffer.from(text, 'latin1'))).toMatchObject({ serverName: name.slice(0, -1) });
  });

  it('may have none', async () => {
    expect(readClientHello(await captureClientHello(undefined))).toEqual({
      kind: 'hello',
      serverName: undefined,
    });
  });

  it('is understood in whatever records and pieces it comes, and never before it is whole', () => {
    const holds = fc.property(
      fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 30 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (sizes, cut) => {
        const bytes = inRecords(hello, sizes);
        const part = bytes.subarray(0, Math.floor(cut * bytes.length));
        const early = readClientHello(part);
        const whole = readClientHello(bytes);
        return (
          early.kind === 'more' &&
          early.need > part.length &&
          early.need <= bytes.length &&
          whole.kind === 'hello' &&
          whole.serverName === name
        );
      },
    );
    expect(fc.check(holds)).toMatchObject({ failed: false });
  });

  it.each<[string, Buffer]>([
    ['an empty record', Buffer.from([0x16, 3, 1, 0, 0])],
    ['a record beyond 16 kB', Buffer.from([0x16, 3, 1, 0x40, 0x01, 1])],
    ['SSL 2', Buffer.from([0x16, 2, 0, 0, 10, 1])],
    ['another handshake message', Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0])],
    [
      'another record in between',
      Buffer.concat([inRecords(hello, [10]).subarray(0, 15), Buffer.from([0x17, 3, 3, 0, 1, 0])]),
    ],
    [
      'a name with a NUL',
      Buffer.from(hello.toString('latin1').replace('remote.abc', 'remote\0abc'), 'latin1'),
    ],
  ])('is refused with %s', (_what, bytes) => {
    expect(readClientHello(bytes)).toMatchObject({ kind: 'bad' });
  });

  it('is never anything but whole, incomplete or bad: changed bytes', () => {
    const holds = fc.property(
      fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (changes) => {
        const bytes = Buffer.from(hello);
        for (const [at, value] of changes) bytes[at] = value;
        return isSound(readClientHello(bytes), bytes);
      },
    );
    expect(fc.check(holds, seldomWrong)).toMatchObject({ failed: false });
  });

  it('is never anything but whole, incomplete or bad: any bytes behind a record header', () => {
    const holds = fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, honest) => {
      const header = [
        0x16,
        3,
        1,
        0,
        honest ? noise.length % 256 : 200,
        1,
        0,
        0,
        Math.max(0, noise.length - 10),
      ];
      const bytes = Buffer.concat([Buffer.from(header), noise]);
      return isSound(readClientHello(bytes), bytes);
    });
    expect(fc.check(holds, seldomWrong)).toMatchObject({ failed: false });
  });
});

function isSound(read: ClientHello, bytes: Buffer): boolean {
  if (read.kind === 'more') return read.need > bytes.length;
  if (read.kind === 'bad') return read.reason !== '';
  return read.serverName === undefined || /^[a-z0-9_.-]{1,253}$/.test(read.serverName);
}
