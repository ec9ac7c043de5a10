import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ZoneCertificate } from '../../src/box/facts.ts';
import { loadIdentity } from '../../src/box/identity/identity.ts';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../src/kit/runtime/fact.ts';
import { zoneName } from '../../src/protocol/names.ts';
import { atEndOfTest } from '../support/at-end.ts';
import { execFile } from '../support/programs.ts';
import { type PublishedBox, publishedBox } from '../support/published-box.ts';

/** A box with a certificate that programs can check, and their way to it by its names. */
export interface PublishedHome {
  box: PublishedBox;
  /** The file with the CA's certificate. */
  caFile: string;
  /** `https://<label>.<zone>:<port>` */
  urlOf(label: string): string;
  /** Runs a program to its end where the box's names have addresses; answers what it printed, throws when it fails. */
  run(program: string, args: readonly string[], env?: Record<string, string>): Promise<string>;
}

/** Publishes services by a box until the test ends. `folder` is the home of everything that runs. */
export async function publishedHome(
  folder: string,
  services: Record<string, string>,
): Promise<PublishedHome> {
  const state = join(folder, 'box');
  mkdirSync(state, { recursive: true });
  const identity = await loadIdentity({ stateFolder: state, clock: systemClock });
  const zone = zoneName(identity.boxId, 'box.test');
  const ca = await createTestCa();
  const { keyPem, certPem } = await ca.issue([zone, `*.${zone}`]);
  const [notBefore, notAfter] = [Date.now() - 1000, Date.now() + 1e9];
  const certificate = {
    keyPem,
    chainPem: certPem,
    names: [zone, `*.${zone}`],
    notBefore,
    notAfter,
    serial: '1',
  };
  const box = await publishedBox(
    state,
    { services },
    { certificate: new OwnedFact<ZoneCertificate | undefined>(certificate) },
  );
  atEndOfTest(() => box.stop());
  const [caFile, hosts] = [join(folder, 'ca.pem'), join(folder, 'hosts')];
  writeFileSync(caFile, ca.caPem);
  const names = [zone, ...Object.keys(services).map((label) => box.hostOf(label))];
  writeFileSync(hosts, `127.0.0.1 localhost ${names.join(' ')}\n`);
  return {
    box,
    caFile,
    urlOf: (label) => `https://${box.hostOf(label)}:${box.web.port}`,
    run: (program, args, env = {}) => runWithHosts({ folder, hosts, program, args, env }),
  };
}

interface Line {
  folder: string;
  hosts: string;
  program: string;
  args: readonly string[];
  env: Record<string, string>;
}

/** In a mount namespace with an `/etc/hosts` of its own: no program of Debian's has to be told where a name is. */
function runWithHosts({ folder, hosts, program, args, env }: Line): Promise<string> {
  const script = `mount --bind '${hosts}' /etc/hosts && exec "$0" "$@"`;
  const options = {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, ...env },
    maxBuffer: 2 ** 26,
  };
  return new Promise((resolve, reject) => {
    const words = ['--mount', 'sh', '-c', script, program, ...args];
    execFile('unshare', words, options, (error, out, err) => {
      if (error === null) resolve(out);
      else reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${out}\n${err}`));
    });
  });
}
