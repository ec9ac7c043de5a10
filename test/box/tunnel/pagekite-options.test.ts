import { describe, expect, it } from 'vitest';
import { pagekiteOptions } from '../../../src/box/tunnel/pagekite-options.ts';

const grant = {
  frontends: [{ address: '192.0.2.1:443' }],
  kiteName: 'remote.abc.box.test',
  secret: 'f'.repeat(64),
};

describe('the option file', () => {
  it('names relays, certificate names, the CA, and the box', () => {
    const relays = [
      { address: '192.0.2.1:443', certName: 'fe.test' },
      { address: 'fe2.test:443', certName: 'fe.test' },
    ];
    const text = pagekiteOptions({
      grant: { ...grant, frontends: relays },
      localPort: 4711,
      caFile: '/run/x/ca.pem',
    });
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        'frontend = 192.0.2.1:443',
        'frontend = fe2.test:443',
        'fe_certname = fe.test',
        'ca_certs = /run/x/ca.pem',
        `service_on = https:remote.abc.box.test:127.0.0.1:4711:${grant.secret}`,
      ]),
    );
    expect(text.match(/fe_certname/g)).toHaveLength(1);
  });

  it.each([
    ['address', { frontends: [{ address: '192.0.2.1:443\nhttpd = 0.0.0.0:80' }] }],
    ['certificate name', { frontends: [{ address: '192.0.2.1:443', certName: 'a\nb' }] }],
    ['kite name', { kiteName: 'a:b\n' }],
    ['secret', { secret: `${'f'.repeat(40)}\nsavefile = /etc/passwd` }],
  ])('takes no line of its own from a grant: %s', (_what, more) => {
    expect(() => pagekiteOptions({ grant: { ...grant, ...more }, localPort: 1, caFile: undefined })).toThrow(
      /no option file can hold/,
    );
  });
});
