import { Type } from 'typebox';
import { HttpClient } from '../../kit/http/http-client.ts';
import { PingEntry } from '../../protocol/registration-api.ts';
import { type Check, ok, warning } from './check.ts';

/** Would an app on this network find the box? */
export const registrationCheck: Check = {
  name: 'registration',
  run: async ({ config, trust, identity, status, timeoutMs, signal }) => {
    const client = new HttpClient({ origin: config.cloud.registration, ca: trust.cloud, timeoutMs });
    try {
      const answer = Type.Array(PingEntry);
      const listed = await client.request({ method: 'GET', path: '/ping', answer, signal });
      const running = await status;
      const boxId = running?.boxId ?? (await identity.catch(() => undefined))?.boxId;
      if (listed.some((entry) => entry.client === boxId)) return ok('an app on this network finds the box');
      if (running === undefined)
        return warning('it answers, but does not list the box, which does not run', 'start the box');
      if (running.announcedAt === null)
        return warning('it answers, but the box has not announced itself yet', 'see porchlight status');
      return warning(
        'it answers, but does not list the box for this network',
        'does this machine reach the internet by another way (a VPN), or do many boxes share the address? Then apps ask for the box’s short code',
      );
    } finally {
      await client.close();
    }
  },
};
