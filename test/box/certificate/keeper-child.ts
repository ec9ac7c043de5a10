import { execFileSync } from '../../support/programs.ts';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateKeeper } from '../../../src/box/certificate/certificate.ts';
import type { Identity } from '../../../src/box/facts.ts';
import { ZoneClient } from '../../../src/box/zone/zone-client.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import type { ZoneNames } from '../../../src/protocol/names.ts';
import { publishedZone } from './published-zone.ts';

/** A keeper in a process of its own, to which something happens right after the step `after` (`nothing`: before the first). */
export interface ChildTask {
  identity: Identity;
  names: ZoneNames;
  apiOrigin: string;
  caPem: string;
  directoryUrl: string;
  stateFolder: string;
  after: string;
  /**
   * `kill`: it kills itself. `full`, `read-only`: its disk (a mount of its own) takes nothing for a while; it prints the
   * messages of the health condition and ends when it has a certificate all the same.
   */
  what: 'kill' | 'full' | 'read-only';
}

const task = JSON.parse(process.env['KEEPER_TASK'] ?? '') as ChildTask;
const { identity, names, caPem, stateFolder, directoryUrl } = task;
const filler = join(stateFolder, 'filler');
/** How long the disk takes nothing, from when that is noticed. */
const outageMs = 700;

const happen: Record<ChildTask['what'], () => void> = {
  kill: () => process.kill(process.pid, 'SIGKILL'),
  full: () => {
    const file = openSync(filler, 'w');
    try {
      for (;;) writeSync(file, Buffer.alloc(512));
    } catch {
      closeSync(file);
    }
  },
  'read-only': () => execFileSync('/usr/bin/mount', ['-o', 'remount,ro', stateFolder]),
};

function recover(): void {
  if (task.what === 'read-only') execFileSync('/usr/bin/mount', ['-o', 'remount,rw', stateFolder]);
  else rmSync(filler, { force: true });
}

const health = new Health(systemClock);
const steps: string[] = [];
const keeper = new CertificateKeeper({
  identity,
  names,
  zone: new OwnedFact(publishedZone(names)),
  zoneClient: new ZoneClient({ origin: task.apiOrigin, ca: caPem, identity }),
  acme: { directoryUrl, caPem, termsAgreed: true },
  stateFolder,
  builtAt: 0,
  log: silentLog,
  clock: systemClock,
  random: Math.random,
  health,
  onStep: (step) => {
    if (!steps.includes(task.after) && step === task.after) happen[task.what]();
    steps.push(step);
  },
});

let noticed = false;
health.conditions.subscribe(([condition]) => {
  if (condition === undefined) return;
  process.stdout.write(`${condition.severity}: ${condition.message} | ${condition.remedy ?? ''}\n`);
  if (condition.message.includes('cannot write') && !noticed) {
    noticed = true;
    setTimeout(recover, outageMs);
  }
  if (condition.severity === 'ok') process.exit(0);
});
if (task.after === 'nothing') {
  mkdirSync(join(stateFolder, 'pairs'));
  happen[task.what]();
}
await keeper.start();
