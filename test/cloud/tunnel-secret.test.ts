import { describe, expect, it } from 'vitest';
import { acceptedTunnelSecrets, tunnelSecret } from '../../src/cloud/tunnel-secret.ts';
import { days, hours, minutes } from '../../src/kit/runtime/clock.ts';

const key = Buffer.alloc(32, 7);
const kite = 'remote.abc.box.test';
const now = Date.parse('2026-03-01T12:00:00Z');

describe('tunnel secrets', () => {
  it('is accepted from its first moment until one day after it should be renewed', () => {
    const { secret, renewBefore } = tunnelSecret(key, kite, now);
    expect(renewBefore).toBeGreaterThan(now);
    expect(renewBefore).toBeLessThanOrEqual(now + days(1));
    const start = renewBefore - days(1);
    for (const at of [start - minutes(4), start, now, renewBefore, renewBefore + hours(23)]) {
      expect(acceptedTunnelSecrets(key, kite, at)).toContain(secret);
    }
    for (const at of [start - minutes(6), renewBefore + days(1)]) {
      expect(acceptedTunnelSecrets(key, kite, at)).not.toContain(secret);
    }
  });

  it('puts the present secret first', () => {
    expect(acceptedTunnelSecrets(key, kite, now)[0]).toBe(tunnelSecret(key, kite, now).secret);
  });

  it('differs for every kite and every key', () => {
    const { secret } = tunnelSecret(key, kite, now);
    expect(acceptedTunnelSecrets(key, 'remote.abd.box.test', now)).not.toContain(secret);
    expect(acceptedTunnelSecrets(Buffer.alloc(32, 8), kite, now)).not.toContain(secret);
  });

  it('is a text the PageKite client takes: 64 hexadecimal characters', () => {
    expect(tunnelSecret(key, kite, now).secret).toMatch(/^[0-9a-f]{64}$/);
  });
});
