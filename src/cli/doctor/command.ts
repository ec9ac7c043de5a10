import { BoxConfig } from '../../box/config.ts';
import { trustOf } from '../../box/installation.ts';
import { builtAt } from '../../kit/runtime/program.ts';
import { seconds, systemClock } from '../../kit/runtime/clock.ts';
import { command, exitCode } from '../../kit/config/command.ts';
import { boxCheck, identityCheck } from './box.ts';
import { caCheck, certificateCheck, pageCheck } from './certificate.ts';
import { type Check, runChecks } from './check.ts';
import { clockCheck } from './clock.ts';
import { lookAround } from './context.ts';
import { homeResolverCheck, nameServersCheck, zoneCheck } from './dns.ts';
import { addressCheck } from './network.ts';
import { registrationCheck } from './registration.ts';
import { reportText } from './report.ts';
import { outsideCheck, tunnelCheck } from './tunnel.ts';
import { boxFile } from '../box-file.ts';

/** In the order in which they depend on each other: the first line that is wrong explains those below it. */
const checks: readonly Check[] = [
  identityCheck,
  boxCheck,
  clockCheck,
  addressCheck,
  zoneCheck,
  nameServersCheck,
  homeResolverCheck,
  caCheck,
  certificateCheck,
  pageCheck,
  tunnelCheck,
  outsideCheck,
  registrationCheck,
];

const timeoutMs = seconds(3);
/** For one call, for what can only be asked when it is answered, and for a slow machine. */
const limitMs = seconds(8);

export const doctorCommand = command({
  name: 'doctor',
  summary: 'Looks for what is wrong, and says what to do about it; exits 3 when something does not work.',
  switches: { json: 'print JSON' },
  config: BoxConfig,
  file: boxFile,
  action: async ({ config, switches }, io) => {
    const done = new AbortController();
    const context = lookAround({
      config,
      trust: await trustOf(config),
      builtAt: await builtAt(),
      clock: systemClock,
      timeoutMs,
      signal: done.signal,
    });
    const findings = await runChecks(checks, context, limitMs);
    done.abort();
    const works = findings.every(({ verdict }) => verdict !== 'error');
    io.out(switches.has('json') ? `${JSON.stringify({ works, findings })}\n` : reportText(findings));
    return works ? exitCode.ok : exitCode.unhealthy;
  },
});
