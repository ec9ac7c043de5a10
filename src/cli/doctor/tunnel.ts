import { codeOf, messageOf } from '../../kit/runtime/errors.ts';
import { type Check, failure, type Finding, ok, skipped, warning } from './check.ts';
import type { DoctorContext } from './context.ts';
import { handshake, wordsFor } from './tls.ts';

/** What does the box say of its tunnel? */
export const tunnelCheck: Check = {
  name: 'tunnel',
  run: async ({ status }) => {
    const said = (await status)?.tunnel;
    if (said === undefined) return skipped('not checked: no box answers');
    const why = said.reason === null ? '' : `: ${said.reason}`;
    if (said.phase === 'connected') return ok('the box says it is connected');
    if (said.phase === 'off') return ok('it is switched off (tunnel.enabled)');
    if (said.phase === 'rejected')
      return failure(`the relay refuses the box${why}`, 'see “clock”; then tell who runs the cloud');
    return warning(`the box says: ${said.phase}${why}`, 'it is tried again by itself; see the other lines');
  },
};

/** Does a connection by the tunnel's name, made as anybody outside would make it, end at this box? */
export const outsideCheck: Check = {
  name: 'outside',
  run: async (context) => {
    const { status, names, zone } = context;
    const url = (await status)?.urls['tunnel'];
    if (typeof url !== 'string') return skipped('not checked: the box has no tunnel');
    const { tunnel } = await names;
    const addresses = (await zone.catch(() => undefined))?.records.tunnel;
    if (addresses === undefined) return skipped('not checked: what the zone holds is not known');
    const port = Number(new URL(url).port || 443);
    const tried = await Promise.all(addresses.map((host) => throughRelay(context, tunnel, { host, port })));
    // One address is enough: this machine may have no IPv6.
    const best = tried.find(({ verdict }) => verdict === 'ok') ?? tried[0];
    return best ?? failure(`the zone holds no address for ${tunnel}`, again);
  },
};

async function throughRelay(
  { trust, timeoutMs, signal }: DoctorContext,
  servername: string,
  relay: { host: string; port: number },
): Promise<Finding> {
  const where = `the relay ${relay.host}, port ${relay.port}`;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const { refusal } = await handshake(relay, { servername, ca: trust.acme, signal: limit });
    if (refusal === undefined) return ok(`the box answers through ${where}`);
    return failure(
      `who answers through ${where} would be refused by a browser: ${wordsFor(refusal)}`,
      'see “certificate”',
    );
  } catch (error) {
    const why = codeOf(error).includes('UNRECOGNIZED_NAME') ? 'it does not know the box' : messageOf(error);
    return failure(`${where}, does not lead to the box: ${why}`, again);
  }
}

const again = 'wait a minute, in which the box connects again; then tell who runs the cloud';
