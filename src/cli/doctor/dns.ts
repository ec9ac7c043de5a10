import { askHomeResolver, type ResolverReport } from '../../box/zone/home-resolver.ts';
import { askNameServers } from '../../box/zone/name-servers.ts';
import { codeOf } from '../../kit/runtime/errors.ts';
import { canonicalAddress } from '../../protocol/addresses.ts';
import { zoneNames } from '../../protocol/names.ts';
import type { ZoneState } from '../../protocol/zone-api.ts';
import { cannotCheck, type Check, failure, type Finding, ok, skipped, warning } from './check.ts';
import type { DoctorContext } from './context.ts';

/** Does the dns-server answer, know this box, and hold its address? */
export const zoneCheck: Check = {
  name: 'dns-server',
  run: async ({ zone, network }) => {
    try {
      const { records } = await zone;
      const { addresses } = await network.catch(() => ({ addresses: [] }));
      return judgeMain(records.main.map(canonicalAddress), addresses);
    } catch (error) {
      if (codeOf(error) === 'not-found')
        return failure('it answers, but holds no zone of this box', startBox);
      throw error;
    }
  },
};

const startBox =
  'start the box, which publishes its address within seconds; if it runs, see porchlight status';

/** `main`: what the main name holds; `own`: the addresses of this machine. Both canonical. */
export function judgeMain(main: readonly string[], own: readonly string[]): Finding {
  if (main.length === 0) return failure('the zone holds no address yet', startBox);
  const held = main.join(', ');
  if (own.length === 0) return warning(`the main name holds ${held}`, 'whether it is right shows “address”');
  if (!main.some((address) => own.includes(address)))
    return failure(`the main name holds ${held}, but this machine has ${own.join(', ')}`, startBox);
  const foreign = main.filter((address) => !own.includes(address));
  if (foreign.length === 0) return ok(`the main name holds ${held}`);
  return warning(
    `the main name also holds ${foreign.join(', ')}, which this machine does not have`,
    startBox,
  );
}

/** Does every authoritative name server serve what the dns-server says? */
export const nameServersCheck: Check = {
  name: 'name servers',
  run: async (context) => {
    const { boxId, records, nameServers } = await zoneOf(context);
    if (nameServers.length === 0)
      return failure('the dns-server names none', 'tell who runs it: its dns.name-servers is empty');
    const { config, signal } = context;
    const names = zoneNames(boxId, config.zone.root, Object.keys(records.mirrors));
    const views = await askNameServers({ nameServers, names, records, signal });
    const wrong = views.filter(({ verdict }) => verdict === 'wrong');
    const silent = views.filter(({ verdict }) => verdict === 'silent');
    const found = (some: typeof views): string => some.map(({ message }) => message).join('; ');
    if (wrong.length > 0) {
      const remedy =
        'try again in a minute; if it stays so, the network answers DNS itself, or tell who runs it';
      return failure(found(wrong), remedy);
    }
    if (silent.length === views.length) {
      return failure(
        found(silent),
        'the network may block DNS to other servers than its own (port 53), or the dns-server is down',
      );
    }
    // One of another address family is no fault of theirs.
    return ok(found([...views].toSorted((a, b) => a.verdict.localeCompare(b.verdict))));
  },
};

/** Do devices at home get the box's address by its name, or does the router filter it? */
export const homeResolverCheck: Check = {
  name: 'home resolver',
  run: async (context) => {
    const { config, names, signal } = context;
    const { main } = await names;
    const { records } = await zoneOf(context);
    if (records.main.length === 0) return skipped('not asked: the zone holds no address yet');
    const { root, resolvers } = config.zone;
    const report = await askHomeResolver({
      main,
      zoneRoot: root,
      expected: records.main,
      resolvers: resolvers.length > 0 ? resolvers : undefined,
      signal,
    });
    return judgeResolvers(report, root);
  },
};

function judgeResolvers({ verdict, resolvers }: ResolverReport, root: string): Finding {
  const those = resolvers.filter((resolver) => resolver.verdict === verdict);
  const who = those.map(({ server }) => server).join(', ');
  switch (verdict) {
    case 'same':
      return ok(`${who} gives the box’s address`);
    case 'filtered':
      return warning(
        `${who} drops the box’s private address: protection against DNS rebinding`,
        `allow ${root} in the router’s rebinding protection; until then use the tunnel or the .local name`,
      );
    case 'stale':
      return warning(
        `${who} still gives ${those.flatMap(({ addresses }) => addresses).join(', ')}`,
        'wait a minute: an old answer is remembered that long',
      );
    case 'unknown-zone':
      return failure(
        `${who} does not know ${root}`,
        'the domain must be delegated to the dns-server (NS records); tell who runs the cloud',
      );
    case 'no-answer':
      return failure(`${who} does not answer`, 'check the router, and the name servers in /etc/resolv.conf');
    case 'not-asked':
      break;
  }
  return ok(`not needed: every name below ${root} means this machine`);
}

async function zoneOf({ zone }: DoctorContext): Promise<ZoneState> {
  try {
    return await zone;
  } catch {
    throw cannotCheck('not checked: what the zone holds is not known');
  }
}
