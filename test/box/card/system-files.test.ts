import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ssidMost, wifiConfig } from '../../../src/box/card/system-files.ts';

describe('the wireless network', () => {
  it('has a name of any bytes and a password of any characters, of which none is a setting', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.stringMatching(/^[\x20-\x7e]{8,63}$/),
        (ssid, password) => {
          fc.pre(Buffer.byteLength(ssid) <= ssidMost);
          const config = wifiConfig(
            new Map([
              ['wifi.ssid', ssid],
              ['wifi.password', password],
            ]),
          );
          const lines = config?.split('\n').slice(2, -1) ?? [];
          expect(lines.map((line) => /^\t?(\w+=[\w -]+|network=\{|\})$/.test(line))).not.toContain(false);
          expect(lines).toHaveLength(8);
        },
      ),
      // Each makes a key, which is slow by its nature.
      { numRuns: 20 },
    );
  });

  it('without a password is an open one', () => {
    expect(wifiConfig(new Map([['wifi.ssid', 'x']]))).toContain('key_mgmt=NONE');
    // 33 bytes: with it wpa_supplicant would refuse the whole file.
    expect(wifiConfig(new Map([['wifi.ssid', 'é'.repeat(16)]]))).toContain(`ssid=${'c3a9'.repeat(16)}\n`);
    expect(wifiConfig(new Map([['wifi.ssid', `${'é'.repeat(16)}x`]]))).toBeUndefined();
  });
});
