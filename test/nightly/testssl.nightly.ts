import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { withoutNamespaces } from '../support/netns.ts';
import { publishedHome } from './published-home.ts';

interface Finding {
  id: string;
  severity: string;
  finding: string;
}

/** What is as it should be, or is not there to be looked at. */
const known: Readonly<Record<string, string>> = {
  cert_chain_of_trust: 'the CA is one of the test, and in nobody’s list',
  cert_revocation: 'the CA of the test revokes nothing',
  cert_notAfter: 'it issues for days',
  DNS_CAArecord: 'the name is in /etc/hosts and in no DNS',
  cipher_order:
    'Mozilla’s intermediate: the client chooses among what is all good (src/kit/x509/tls-policy.ts)',
  HSTS: 'a name of a box has to work without a certificate, too; the hosted app has it',
  BREACH: 'what is compressed at / is a file that is the same for everybody',
};

/** Not the handshakes of three hundred clients and ciphers one by one: sslscan has looked at these. */
const sections = [
  '--protocols',
  '--std',
  '--server-preference',
  '--server-defaults',
  '--headers',
  '--vulnerable',
];

describe.skipIf(withoutNamespaces)('TLS of the box as testssl.sh sees it', () => {
  it('has no fault', async () => {
    const folder = temporaryFolder();
    const home = await publishedHome(folder, {});
    const file = join(folder, 'found.json');
    const where = `${home.box.zone}:${home.box.web.port}`;
    // It ends with the number of what it found to tell.
    const words = [
      '--quiet',
      '--color',
      '0',
      '--warnings',
      'off',
      '--add-ca',
      home.caFile,
      '--ip',
      '127.0.0.1',
    ];
    await home.run('testssl', [...sections, ...words, '--jsonfile', file, where]).catch(() => undefined);
    const found = JSON.parse(readFileSync(file, 'utf8')) as Finding[];
    expect(found.length).toBeGreaterThan(50);
    const faults = found.filter(({ severity }) => /^(LOW|MEDIUM|HIGH|CRITICAL|FATAL)$/.test(severity));
    expect(faults.filter(({ id }) => !(id in known))).toEqual([]);
  }, 1_800_000);
});
