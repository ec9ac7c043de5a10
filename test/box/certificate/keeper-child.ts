import { CertificateKeeper } from '../../../src/box/certificate/certificate.ts';
import type { Identity } from '../../../src/box/facts.ts';
import { ZoneClient } from '../../../src/box/zone/zone-client.ts';
import { systemClock } from '../../../src/kit/clock.ts';
import { OwnedFact } from '../../../src/kit/fact.ts';
import { Health } from '../../../src/kit/health.ts';
import { silentLog } from '../../../src/kit/log.ts';
import type { ZoneNames } from '../../../src/protocol/names.ts';
import { publishedZone } from './published-zone.ts';

/** A keeper in a process of its own, which kills itself right after the step `killAfter`. */
export interface ChildTask {
  identity: Identity;
  names: ZoneNames;
  apiOrigin: string;
  caPem: string;
  directoryUrl: string;
  stateFolder: string;
  killAfter: string;
}

const task = JSON.parse(process.env['KEEPER_TASK'] ?? '') as ChildTask;
const { identity, names, caPem, stateFolder, directoryUrl } = task;
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
  health: new Health(systemClock),
  onStep: (step) => {
    if (step === task.killAfter) process.kill(process.pid, 'SIGKILL');
  },
});
await keeper.start();
