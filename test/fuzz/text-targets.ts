import { deepEqual, equal, ok } from 'node:assert/strict';
import { decodeCardText } from '../../src/box/card/card-text.ts';
import { readCardSettings } from '../../src/box/card/card-settings.ts';
import { readProxyHeader } from '../../src/box/web/proxy-protocol.ts';
import { Problem } from '../../src/kit/runtime/errors.ts';
import { cookieValues, hostName, normalAuthority, splitList, trimOws } from '../../src/kit/http/http-text.ts';
import {
  digestIn,
  parseSignature,
  signatureBase,
  SignatureFault,
  signatureFor,
} from '../../src/protocol/http-signature.ts';
import type { Target } from './fuzzing.ts';

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const words = (...texts: string[]): Buffer[] => texts.map(latin);

/** By the bytes (RFC 6265): what another name begins with is not ours, whatever JavaScript takes for a space. */
function cookies(): Target {
  const name = '__Host-porchlight';
  return {
    name: 'cookies',
    seeds: words(
      `${name}=abc`,
      `a=1; ${name}=abc; b="x y"`,
      `\xa0${name}=evil; ${name}=good`,
      `${name}=1; ${name}=2`,
      'Example.ORG:0443',
      'a , b ,, c',
    ),
    words: words('; ', ';', '=', name, '\xa0', '\x0b', '\x85', '\t', ',', '"', ':443', '.'),
    read: (input) => {
      const text = input.toString('latin1');
      const values = cookieValues(text, name);
      for (const value of values) ok(text.includes(`${name}=${value}`), 'a value that was not sent');
      const plain = text.split(';').filter((pair) => pair.replace(/^[ \t]+/, '').startsWith(`${name}=`));
      equal(values.length, plain.length, 'another number of cookies');
      equal(trimOws(trimOws(text)), trimOws(text));
      for (const member of splitList(text)) ok(member !== '' && !member.includes(','));
      equal(hostName(hostName(text)).length <= text.length, true);
      normalAuthority(text);
      return String(Math.min(values.length, 2));
    },
  };
}

function proxyLine(): Target {
  return {
    name: 'proxy-line',
    seeds: words(
      'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET',
      'PROXY TCP6 2001:db8::1 ::1 1 443\r\n',
      'PROXY UNKNOWN\r\n\x16\x03\x01',
      'PROXY UNKNOWN ffff::1 ::1 65535 65535\r\n',
    ),
    words: words('PROXY ', 'TCP4 ', 'UNKNOWN', '\r\n', '\n', ' ', '\xa0', '::ffff:1.2.3.4', '%eth0', '65536'),
    read: (input) => {
      const read = readProxyHeader(input);
      if (read.state === 'complete') {
        ok(read.length <= 107 && read.length <= input.length, 'longer than it may be');
        deepEqual(readProxyHeader(input.subarray(0, read.length)), read);
        if (read.visitor !== undefined) ok(read.visitor.port <= 65_535);
      }
      if (read.state === 'incomplete') ok(input.length < 107, 'waits for ever');
      return read.state;
    },
  };
}

/** Faults are told, and what is told has no password in it. */
function card(): Target {
  const toml =
    '[wifi]\nssid = "Home"\npassword = "correct horse"\ncountry = "DE"\n\n[access]\napps = ["https://app.example/"]\n\n[update]\nserver = "https://u.example"\n';
  const short = 'name = “Kitchen”\ntimezone = "Europe/Berlin"\r\n[ssh]\nkeys = ["ssh-ed25519 AAAA"]\r\n';
  return {
    name: 'card',
    seeds: [toml, short, `${toml}[zone]\nroot = "box.example"\n`].flatMap((text) => [
      Buffer.from(text),
      Buffer.from(`\uFEFF${text}`, 'utf16le'),
      Buffer.from(text, 'utf16le').swap16(),
    ]),
    words: [
      Buffer.of(0xff, 0xfe),
      Buffer.of(0xef, 0xbb, 0xbf),
      Buffer.of(0),
      Buffer.of(0xd8, 0),
      ...words(
        '"""',
        '[',
        ']]',
        ' = ',
        '\n',
        '\\u0000',
        '1979-05-27',
        'inf',
        '# ',
        'wifi.password',
        '__proto__',
        'constructor',
      ),
    ],
    read: (input) => {
      const text = decodeCardText(input);
      if (typeof text !== 'string') return 'damaged';
      try {
        const { values, faults } = readCardSettings(text);
        for (const { message } of faults)
          ok(!message.includes('correct horse'), 'a message with the password');
        return faults.length > 0 ? 'faults' : values.size > 0 ? 'settings' : 'nothing';
      } catch (error) {
        if (error instanceof Problem && error.code === 'bad-config') return 'no TOML';
        throw error;
      }
    },
  };
}

function signatures(): Target {
  const fields: Record<string, string> = {
    'content-digest': 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:',
    'content-type': 'application/json',
    date: ' Tue,\r\n 20 Apr 2021 ',
  };
  const message = {
    method: 'POST',
    authority: 'Box.Example:443',
    target: '/api/x?a=1',
    field: (name: string) => fields[name],
  };
  const parameters = { created: 1, nonce: 'abc', keyid: 'k', alg: 'hmac-sha256' as const };
  const sent = (covered: string[]): string => {
    const { 'signature-input': input, signature } = signatureFor(covered, parameters, message).fields(
      Buffer.alloc(32, 7),
    );
    return `${input}\n${signature}`;
  };
  return {
    name: 'http-signature',
    seeds: words(
      sent(['@method', '@authority', '@target-uri', 'content-digest']),
      sent(['@path', '@query', 'date']),
      sent([]),
      `sig=();created=1\n${fields['content-digest']}`,
    ),
    words: words(
      'sig=',
      '(',
      ')',
      '"@method"',
      ';sf',
      ';bs',
      ';created=',
      ':',
      '?1',
      '@1700000000',
      '%"%ff"',
      '\n',
      ', ',
      '"@query-param";name="a"',
      '\xa0',
    ),
    read: (input) => {
      const [first = '', second = ''] = input.toString('latin1').split('\n');
      try {
        digestIn(second);
      } catch (error) {
        if (!(error instanceof SignatureFault)) throw error;
      }
      try {
        const { input: covered, covered: names } = parseSignature(first, second);
        const base = signatureBase(covered, message);
        equal(base.split('\n').length, names.length + 1, 'a line that is not one component');
        return 'signature';
      } catch (error) {
        if (error instanceof SignatureFault) return 'fault';
        throw error;
      }
    },
  };
}

export const textTargets = (): Target[] => [cookies(), proxyLine(), card(), signatures()];
