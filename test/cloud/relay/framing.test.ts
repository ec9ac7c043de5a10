import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameHead, FrameReader, FramingError, meaningOf } from '../../../src/cloud/relay/framing.ts';

const frame = (headers: readonly (readonly [string, string | number])[], payload = ''): Buffer =>
  Buffer.concat([frameHead(headers, payload.length), Buffer.from(payload, 'latin1')]);

describe('frames', () => {
  const frames = fc.array(fc.record({ sid: fc.nat(), payload: fc.uint8Array({ maxLength: 500 }) }), {
    maxLength: 20,
  });

  it('come out as they went in, in whatever pieces they arrive', () => {
    const holds = fc.property(
      frames,
      fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 60 }),
      (list, sizes) => {
        let wire = Buffer.concat(
          list.flatMap(({ sid, payload }) => [frameHead([['SID', sid]], payload.length), payload]),
        );
        const reader = new FrameReader();
        const out = [...sizes, wire.length].flatMap((size) => {
          const piece = wire.subarray(0, size);
          wire = wire.subarray(size);
          return piece.length === 0 ? [] : reader.push(piece);
        });
        const same = out.every(({ headers, payload }, index) => {
          const sent = list[index];
          return headers.get('sid') === String(sent?.sid) && payload.equals(sent?.payload ?? Buffer.alloc(0));
        });
        return same && out.length === list.length && reader.held === 0;
      },
    );
    expect(fc.check(holds)).toMatchObject({ failed: false });
  });

  it.each([
    ['a zero length', '0\r\n'],
    ['an absurd length', 'fffffff\r\n'],
    ['a length line without an end', '0000000000'],
    ['a length that is no number', 'xyz\r\n'],
    ['a negative length', '-5\r\n'],
    ['a compressed frame, which we did not offer', '10Z8\r\n'],
    ['no end of the headers', '5\r\nSID: '],
    ['headers without an end in sight', `3000\r\n${'a'.repeat(0x3000)}`],
    ['a line without a name', '8\r\n: 1\r\n\r\nx'],
    ['an empty head', '5\r\n\r\n\r\nx'],
  ])('are refused with %s', (_what, text) => {
    expect(() => new FrameReader().push(Buffer.from(text, 'latin1'))).toThrow(FramingError);
  });

  it('hold no more than one frame, whatever comes', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.constantFrom(frame([['SID', 1]], 'hello'), Buffer.from('40000\r\n')),
    );
    const holds = fc.property(fc.array(noise, { maxLength: 20 }), (pieces) => {
      const reader = new FrameReader();
      try {
        for (const piece of pieces) for (const found of reader.push(Buffer.from(piece))) meaningOf(found);
      } catch (error) {
        return error instanceof FramingError;
      }
      return reader.held <= 330 * 1024;
    });
    expect(fc.check(holds, { numRuns: 1000 })).toMatchObject({ failed: false });
  });
});

describe('what a frame means', () => {
  const data = { kind: 'data', sid: 3, payload: Buffer.from('x') };
  it.each<[string, Parameters<typeof frame>[0], object[]]>([
    ['data', [['SID', 3]], [data]],
    ['no more from the box', [['SID', 3], ['EOF', '1R']], [{ kind: 'eof', sid: 3, reads: true, writes: false }]],
    ['no more to the box', [['SID', 3], ['EOF', '1W']], [{ kind: 'eof', sid: 3, reads: false, writes: true }]],
    ['neither', [['SID', 3], ['EOF', '1WR']], [{ kind: 'eof', sid: 3, reads: true, writes: true }]],
    ['neither, in short', [['SID', 3], ['EOF', '1']], [{ kind: 'eof', sid: 3, reads: true, writes: true }]],
    ['progress', [['NOOP', 1], ['SID', 3], ['SKB', 7]], [{ kind: 'progress', sid: 3, bytes: 7168 }]],
    ['progress with data', [['SID', 3], ['SKB', 7]], [{ kind: 'progress', sid: 3, bytes: 7168 }, data]],
    ['a question', [['NOOP', 1], ['PING', 'a1']], [{ kind: 'ping', text: 'a1' }]],
    ['nothing', [['NOOP', 1]], [{ kind: 'other' }]],
    ['a negative stream', [['SID', -3]], [{ kind: 'other' }]],
    ['a stream that is no number', [['SID', '1e9']], [{ kind: 'other' }]],
  ])('%s', (_what, headers, messages) => {
    const [only] = new FrameReader().push(frame(headers, 'x'));
    expect(only === undefined ? [] : meaningOf(only)).toEqual(messages);
  }); // prettier-ignore
});
