import { createSecureContext } from 'node:tls';
import { expect, it } from 'vitest';
import { checkedPair } from '../../../src/box/certificate/pair.ts';
import { createTestCa } from '../../../src/cli/home/test-ca.ts';
import { codeOf } from '../../../src/kit/runtime/errors.ts';

const names = ['home.box.test', '*.home.box.test'];

it(
  'no flipped bit of a chain passes that TLS cannot use, and none is refused but in words',
  { timeout: 120_000 },
  async () => {
    const ca = await createTestCa();
    const { keyPem, certPem } = await ca.issue(names);
    const whole = Buffer.from(`${certPem.trim()}\n${ca.caPem.trim()}\n`);
    expect(checkedPair({ chainPem: whole.toString(), keyPem }, names).names).toEqual(names);
    const wrong: string[] = [];
    for (let bit = 0; bit < whole.length * 8; bit += 3) {
      const damaged = Buffer.from(whole);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const chainPem = damaged.toString('latin1');
      try {
        createSecureContext({ key: keyPem, cert: checkedPair({ chainPem, keyPem }, names).chainPem });
      } catch (error) {
        if (codeOf(error) !== 'certificate-unusable') wrong.push(`bit ${bit}: ${String(error)}`);
      }
    }
    expect(wrong).toEqual([]);
  },
);
