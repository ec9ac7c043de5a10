import { codeOf, messageOf } from '../../kit/errors.ts';
import { wordsFor } from './certificate.ts';
import { type Check, failure, ok, skipped, warning } from './check.ts';
import { handshake } from './tls.ts';

/** What does the box say of its tunnel? */
export const tunnelCheck: Check = {
  name: 'tunnel',
  run: async ({ config, status }) => {
    if (!config.tunnel.enabled) return ok('it is switched off (tunnel.enabled)');
    const said = (await status)?.tunnel;
    if (said === undefined) return skipped('not checked: the box does not run');
    const why = said.reason === null ? '' : `: ${said.reason}`;
    if (said.phase === 'connected') return ok('the box says it is connected');
    if (said.phase === 'off') return ok('the box says it is switched off');
    if (said.phase === 'rejected')
      return failure(`the frontend refuses the box${why}`, 'see “clock”; then tell who runs the cloud');
    return warning(`the box says: ${said.phase}${why}`, 'it is tried again by itself; see the other lines');
  },
};

/** Does a connection by the tunnel's name, from anywhere, end at this box? */
export const outsideCheck: Check = {
  name: 'outside',
  run: async ({ config, trust, status, names, zone, timeoutMs, signal }) => {
    if (!config.tunnel.enabled) return skipped('not checked: the tunnel is switched off');
    const url = (await status)?.urls['tunnel'];
    if (typeof url !== 'string') return skipped('not checked: the box has no tunnel');
    const { tunnel } = await names;
    const [host] = (await zone.catch(() => undefined))?.records.tunnel ?? [];
    if (host === undefined) return failure(`the zone holds no address for ${tunnel}`, again);
    const port = Number(new URL(url).port || 443);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const { refusal } = await handshake(
        { host, port },
        { servername: tunnel, ca: trust.acme, signal: limit },
      );
      if (refusal === undefined) return ok(`the box answers through the frontend ${host}:${port}`);
      return failure(
        `somebody answers through ${host}:${port}, but ${wordsFor(refusal)}`,
        'see “certificate”',
      );
    } catch (error) {
      const unknown = codeOf(error).includes('UNRECOGNIZED_NAME');
      const why = unknown ? 'it does not know the box' : messageOf(error);
      return failure(`the frontend ${host}:${port} does not lead to the box: ${why}`, again);
    }
  },
};

const again = 'wait a minute, in which the box connects again; then tell who runs the cloud';
