import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * What may be repeated, once and in CI only, where it fails: tests that wait for the time of another process (a browser, a
 * daemon of Debian's, the kernel's multicast, a virtual machine), which a shared machine can hold up for seconds. All else
 * that fails, has failed. A repetition shows in the closing lines of `npm test`. Paths: a folder ends with a slash.
 */
export const repeatable: readonly string[] = [
  // Chromium, and the pages in it.
  'test/browser/',
  'test/web/app/',
  'test/web/console/',
  // Whole homes of many processes.
  'test/home/',
  'test/box/life.test.ts',
  'test/cli/home.test.ts',
  'test/cli/doctor/',
  'test/cli/backup.test.ts',
  'test/client/real-box.test.ts',
  // Multicast, and addresses that the kernel has yet to take.
  'test/box/mdns/',
  'test/box/network/',
  'test/cli/find.test.ts',
  'test/cli/find/',
  // The PageKite client, dnsmasq, unbound, Knot, Pebble.
  'test/box/certificate/',
  'test/box/tunnel/',
  'test/box/zone/',
  'test/cloud/dns-server/',
  'test/cloud/relay/',
  // Suites that others wrote, against programs that others wrote.
  'test/suites/',
  // systemd, RAUC, and machines.
  'test/box/update/',
  'test/image/',
  'test/systemd/',
];

/** A counterexample that is found once counts: what has properties is never repeated, wherever it stands. */
export function mayRepeat(path: string, text: string): boolean {
  const named = repeatable.some((each) => (each.endsWith('/') ? path.startsWith(each) : path === each));
  return named && !hasProperties(text);
}

export const hasProperties = (text: string): boolean => /from 'fast-check'/.test(text);

/** A test file as the set-up of each sees it: `path` is absolute, the root of the project is where vitest runs. */
export function testFile(path: string): { path: string; text: string } {
  return { path: relative(process.cwd(), path), text: readFileSync(path, 'utf8') };
}
