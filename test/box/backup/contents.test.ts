import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodedContents, encodedContents } from '../../../src/box/backup/contents.ts';

const contents = {
  boxId: 'a'.repeat(52),
  name: 'Attic',
  madeAt: 0,
  version: '1.2.3',
  place: {
    zoneRoot: 'box.test',
    zoneApi: 'https://d',
    registration: 'https://r',
    acmeDirectory: 'https://a',
    apps: [],
  },
};

const packed = (changed: object): Buffer => gzipSync(JSON.stringify({ ...contents, files: {}, ...changed }));

describe('what a backup holds', () => {
  it('is what was put into it', async () => {
    const files = new Map([
      ['identity/key.pem', Buffer.from('key')],
      ['enrolment/a name, as people give them (ü)/1.pem', Buffer.from([0, 255])],
    ]);
    expect(await decodedContents(await encodedContents({ ...contents, files }))).toEqual({
      ...contents,
      files,
    });
  });

  it.each([
    '../../etc/passwd',
    '/etc/passwd',
    'identity/../../x',
    '.lock',
    'file',
    'a//b',
    '.pending/order.json',
  ])('has no path that leads out of the state, or to what no backup holds: %s', async (path) => {
    await expect(decodedContents(packed({ files: { [path]: 'AAAA' } }))).rejects.toMatchObject({
      code: 'backup-malformed',
    });
  });

  it.each([
    ['no gzip', Buffer.from('x')],
    ['no JSON', gzipSync('x')],
    ['another thing', gzipSync('[]')],
    ['files that are no base64', packed({ files: { 'a/b': '!' } })],
    ['no box id', packed({ boxId: 'x' })],
    ['more than there is room for', gzipSync(Buffer.alloc(64 * 1024 * 1024))],
  ])('is refused when it is %s', async (_, bytes) => {
    await expect(decodedContents(bytes)).rejects.toMatchObject({ code: 'backup-malformed' });
  });
});
