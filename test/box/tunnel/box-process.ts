import { createHash } from 'node:crypto';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { createLog } from '../../../src/kit/log/log.ts';
import { boxIdFromDigest } from '../../../src/protocol/names.ts';
import { OwnProbe } from '../../../src/box/tunnel/own-probe.ts';
import { Tunnel } from '../../../src/box/tunnel/tunnel.ts';
import { grantFor, someCertificate, tunnelNameOf } from './stand-in.ts';

/** A process with a tunnel, for a test to kill: `node box-process.ts <relay port> <runtime folder>`. */
const [port = '', runtimeFolder = ''] = process.argv.slice(2);
const boxId = boxIdFromDigest(createHash('sha256').update(runtimeFolder).digest());
const tunnel = new Tunnel({
  names: { tunnel: tunnelNameOf(boxId) },
  enabled: new OwnedFact(true),
  certificate: someCertificate,
  grants: { tunnel: async () => grantFor(boxId, Number(port)) },
  localPort: () => 9,
  probe: new OwnProbe(boxId),
  runtimeFolder,
  log: createLog({ level: 'info', format: 'json' }),
  clock: systemClock,
  random: Math.random,
  health: new Health(systemClock),
});
await tunnel.start();
// The loop keeps no process alive by itself.
setInterval(() => undefined, 60_000);
