import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { atEndOfTest } from '../support/at-end.ts';
import { temporaryFolder } from '../support/folder.ts';
import { publishedHome } from './published-home.ts';
import { notInPath } from './not-in-path.ts';

const reason = notInPath('h2spec', 'go install github.com/summerwind/h2spec/cmd/h2spec@v2.6.0');

/** The cases that fail, by their names, out of the report that h2spec writes (JUnit). */
function failures(report: string): string[] {
  const cases = [
    ...report.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*>(.*?)<\/testcase>/gs),
  ];
  expect(cases.length).toBeGreaterThan(140);
  return cases
    .filter(([, , , body = '']) => /<(failure|error)/.test(body))
    .map(([, place, name]) => `${place}: ${name}`)
    .toSorted();
}

describe.skipIf(reason !== undefined)(`HTTP/2 of the box as h2spec sees it ${reason ?? ''}`, () => {
  it('fails nowhere where Node’s own server does not', async () => {
    const folder = temporaryFolder();
    const home = await publishedHome(folder, {});
    const { keyPem, certPem } = await (await createTestCa()).issue(['localhost']);
    const bare = createSecureServer({ key: keyPem, cert: certPem, allowHTTP1: true }, (request, response) => {
      request.resume();
      response.end('hello');
    });
    atEndOfTest(() => void bare.close());
    await once(bare.listen(0, '127.0.0.1'), 'listening');
    const ask = async (name: string, port: number): Promise<string[]> => {
      const file = join(folder, `${port}.xml`);
      const words = ['--host', name, '--port', String(port), '--tls', '--insecure', '--timeout', '5'];
      // It ends with 1 when a case fails.
      await home.run('h2spec', [...words, '--junit-report', file]).catch(() => undefined);
      return failures(readFileSync(file, 'utf8'));
    };
    const [ours, node] = [
      await ask(home.box.zone, home.box.web.port),
      await ask('localhost', (bare.address() as AddressInfo).port),
    ];
    expect(ours.filter((name) => !node.includes(name))).toEqual([]);
  }, 600_000);
});
