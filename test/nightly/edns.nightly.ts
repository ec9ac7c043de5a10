import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { zoneRoot } from '../cloud/dns-server/options.ts';
import { type Running, startServer } from '../cloud/dns-server/support.ts';
import { atEnd } from '../support/at-end.ts';
import { temporaryFolder } from '../support/folder.ts';
import { execFile } from '../support/programs.ts';

/*
 * The questions of ISC's EDNS compliance tester and of its `genreport`, which Debian has no package of, asked with BIND's dig as
 * the tester's page gives them: https://ednscomp.isc.org. What the middle of the network and old servers get wrong.
 */

/** What has to stand in dig's answer, and what must not. */
interface Question {
  words: readonly string[];
  has: readonly RegExp[];
  not?: readonly RegExp[];
}

const noError = /status: NOERROR/;
const soa = /ANSWER: 1,[^]*\sSOA\s/;
const opt = /EDNS: version: 0, flags:/;
const anOption = /OPT=100/;

const questions: Readonly<Record<string, Question>> = {
  'plain DNS': { words: ['+noedns', 'SOA'], has: [noError, soa], not: [opt] },
  'plain EDNS': { words: ['+edns=0', 'SOA'], has: [noError, soa, opt] },
  'an unknown version': {
    words: ['+edns=100', '+noednsneg', 'SOA'],
    has: [/status: BADVERS/, opt],
    not: [soa],
  },
  'an unknown option': { words: ['+ednsopt=100', 'SOA'], has: [noError, soa, opt], not: [anOption] },
  'an unknown flag': { words: ['+ednsflags=0x40', 'SOA'], has: [noError, soa, opt], not: [/MBZ/] },
  'an unknown version with an option': {
    words: ['+edns=100', '+noednsneg', '+ednsopt=100', 'SOA'],
    has: [/status: BADVERS/, opt],
    not: [soa, anOption],
  },
  DO: { words: ['+dnssec', 'SOA'], has: [noError, soa, opt] },
  'little room': { words: ['+dnssec', '+bufsize=512', '+ignore', 'DNSKEY'], has: [noError, opt] },
  'DO over TCP': { words: ['+vc', '+dnssec', 'DNSKEY'], has: [noError, opt] },
  'a client subnet': { words: ['+subnet=192.0.2.0/24', 'SOA'], has: [noError, soa, opt] },
  NSID: { words: ['+nsid', 'SOA'], has: [noError, soa, opt] },
  EXPIRE: { words: ['+expire', 'SOA'], has: [noError, soa, opt] },
  'an unknown type': { words: ['TYPE666'], has: [noError, /ANSWER: 0,/, opt] },
  AD: { words: ['+noedns', '+adflag', 'SOA'], has: [noError, soa], not: [/flags:[^;]* ad/] },
  CD: { words: ['+noedns', '+cdflag', 'SOA'], has: [noError, soa] },
  'the Z bit': { words: ['+noedns', '+zflag', 'SOA'], has: [noError, soa], not: [/MBZ/] },
  'an opcode that is none': { words: ['+noedns', '+opcode=15', 'SOA'], has: [/status: NOTIMP/], not: [soa] },
  'a header alone': { words: ['+noedns', '+header-only'], has: [/status: (NOERROR|FORMERR)/] },
};

describe('EDNS, as ISC’s compliance tester asks', () => {
  let running: Running;
  beforeAll(async () => {
    running = await startServer(temporaryFolder());
  });
  atEnd(() => running.stop());

  it.each(Object.entries(questions))('%s', async (_name, { words, has, not = [] }) => {
    const where = ['@127.0.0.1', '-p', `${running.server.dnsPort}`, '+tries=1', '+time=3', '+norec'];
    const name = words.includes('+header-only') ? [] : [zoneRoot];
    const { stdout: said } = await promisify(execFile)('dig', [...where, ...name, ...words]);
    for (const right of has) expect(said).toMatch(right);
    for (const wrong of not) expect(said).not.toMatch(wrong);
  });
});
