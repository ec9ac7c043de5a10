import { expect, it } from 'vitest';
import { isOwnHost, isZoneHost } from '../../src/box/origins.ts';
import { deviceLabel } from '../../src/box/visitor.ts';
import { names } from './lab/lab.ts';

const { main } = names;

it.each([
  [main, true, true],
  [`${main}:8443`, true, true],
  [main.toUpperCase(), true, true],
  [`a.${main}`, true, true],
  [`remote.${main}:443`, true, true],
  [`192-168-1-20.${main}`, true, true],
  ['our-box.local', true, false],
  ['192.168.1.20:8443', true, false],
  ['[fd00::1]:8443', true, false],
  // A published service's page is somebody else's.
  [`hello.${main}`, false, false],
  [`c.${main}`, false, false],
  [`x.a.${main}`, false, false],
  [`8-8-8-8.${main}`, false, false],
  [`${main}.evil.example`, false, false],
  [`${'b'.repeat(52)}.box.test`, false, false],
  ['localhost.evil.local.example', false, false],
  ['', false, false],
])('%s: a name of the box %s, in its zone %s', (host, own, zone) => {
  expect([isOwnHost(host, names), isZoneHost(host, names)]).toEqual([own, zone]);
});

it.each([
  [
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36',
    'Chrome on Android',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/18.0 Safari/604.1',
    'Safari on iPhone',
  ],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0',
    'Edge on Windows',
  ],
  ['node', 'unknown device'],
  [undefined, 'unknown device'],
])('calls %s %s', (userAgent, label) => {
  expect(deviceLabel(userAgent)).toBe(label);
});
