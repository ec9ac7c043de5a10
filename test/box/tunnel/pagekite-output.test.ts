import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePagekiteLine } from '../../../src/box/tunnel/pagekite-output.ts';

const stamp = 'ts=6926a2c1; t=2025-11-26T06:48:33; ll=c; ';
const kite = 'https:remote.abc.box.test';

describe('the output of the PageKite client', () => {
  it.each([
    [`${stamp}bid=${kite}; status=0x1000`, { kind: 'live' }],
    [`${stamp}bid=${kite}; status=0x1`, undefined],
    [`${stamp}bid=${kite}; status=0x1001`, undefined],
    [
      `${stamp}FE=192.0.2.1:443; err=Rejected; proto=https; reason=unauthorized; domain=x; id=s1`,
      { kind: 'rejected', reason: 'unauthorized' },
    ],
    [
      `${stamp}FE=192.0.2.1:443; err=Rejected; proto=https; reason=<b>\u001B[31m; domain=x`,
      { kind: 'rejected', reason: 'unknown' },
    ],
    [
      `${stamp}FE=192.0.2.1:443; err=Duplicate; proto=https; domain=x`,
      { kind: 'rejected', reason: 'duplicate' },
    ],
    [
      `${stamp}wrote=636; wbps=293; read=509; eof=1; id=s1`,
      { kind: 'lost', reason: 'the relay closed the connection' },
    ],
    [`${stamp}wrote=636; wbps=293; read=509; eof=1; id=s1a`, undefined],
    [`${stamp}dead=192.0.2.1:443`, { kind: 'lost', reason: 'the relay does not answer' }],
    [
      `${stamp}info=Failed to connect; FE=192.0.2.1:443`,
      { kind: 'lost', reason: 'cannot connect to the relay' },
    ],
    [
      `${stamp}err=Connect failed: Cert not in ['a.test'] (2); id=s1; s=new`,
      { kind: 'lost', reason: 'the certificate of the relay is not trusted' },
    ],
    [
      `${stamp}debug=Not sure which servers to contact, making no changes.`,
      { kind: 'lost', reason: 'no relay can be reached' },
    ],
    [`${stamp}debug=Seeded signatures using os.urandom(), hooray!`, undefined],
    ['err=Rejected; reason=quota', undefined],
    ['Crashed: Traceback', undefined],
  ])('%s', (line, event) => {
    expect(parsePagekiteLine(line)).toEqual(event);
  });

  it('never surprises, and lets no text of others into our messages', () => {
    const text = fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    const holds = fc.property(text, text, (a, b) => {
      parsePagekiteLine(a);
      const event = parsePagekiteLine(`${stamp}err=Rejected; reason=${a}; x=${b}`);
      return event?.kind === 'rejected' && /^[a-z0-9-]+$/.test(event.reason);
    });
    expect(fc.check(holds)).toMatchObject({ failed: false });
  });
});
