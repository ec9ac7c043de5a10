import { describe, expect, it } from 'vitest';
import { redirectTarget } from '../../../src/box/web/redirect.ts';

const zone = 'abc.box.test';

describe('plain HTTP is sent to HTTPS', () => {
  it.each([
    [zone, '/x?y=1', 443, `https://${zone}/x?y=1`],
    [`${zone}:8480`, '/', 8443, `https://${zone}:8443/`],
    [`A.${zone.toUpperCase()}`, '/', 443, `https://a.${zone}/`],
    ['porchlight-abcdefgh.local', '/p', 443, 'https://porchlight-abcdefgh.local/p'],
    // A forged or absent Host leads to the main name, never elsewhere.
    ['evil.example', '/', 443, `https://${zone}/`],
    [`evil.example/.${zone}`, '/', 443, `https://${zone}/`],
    [`user@evil.example:80`, '/', 443, `https://${zone}/`],
    [`not${zone}`, '/', 443, `https://${zone}/`],
    [undefined, '/', 443, `https://${zone}/`],
    // Request targets that are no path (RFC 9112, 3.2).
    [zone, 'http://evil.example/', 443, `https://${zone}/`],
    [zone, '*', 443, `https://${zone}/`],
    [zone, undefined, 443, `https://${zone}/`],
  ])('Host %j, target %j, port %i', (host, path, port, expected) => {
    expect(redirectTarget(host, path, zone, port)).toBe(expected);
  });
});
