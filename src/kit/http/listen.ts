import { once } from 'node:events';
import { createServer, type ListenOptions, type Server } from 'node:net';
import { codeOf, Problem } from '../runtime/errors.ts';

/**
 * The address to listen on for `host`. A kernel that was started without IPv6 (`ipv6.disable=1`) has no such sockets at all:
 * what wanted to listen on every address (`::`) listens there on every one that there is.
 */
export async function hostHere(host: string): Promise<string> {
  if (host !== '::') return host;
  const probe = createServer();
  try {
    await once(probe.listen({ host: '::', port: 0 }), 'listening');
    return '::';
  } catch (error) {
    return codeOf(error) === 'EAFNOSUPPORT' ? '0.0.0.0' : '::';
  } finally {
    probe.close();
  }
}

/** Opens `server`; resolves with its port. Rejects with Node's error. */
export async function listen(server: Server, where: ListenOptions & { host: string }): Promise<number> {
  const host = await hostHere(where.host);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ ...where, host }, resolve);
  try {
    await promise;
  } finally {
    server.off('error', reject);
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * What to tell a person when a listener cannot open: host and port, and the setting that moves it. `setting` is the port's;
 * `hostSetting` the address's, where that is not called the same but for its end.
 */
export function listenProblem(
  error: unknown,
  where: { host: string; port: number; setting: string; hostSetting?: string },
): unknown {
  const at = `${where.host} port ${where.port}`;
  const details = { host: where.host, port: where.port, setting: where.setting };
  const options = { details, cause: error, retryable: false };
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new Problem(
        'port-in-use',
        `${at} is in use by another program; stop it or set ${where.setting}`,
        options,
      );
    case 'EACCES':
      return new Problem(
        'port-not-allowed',
        `no right to open ${at}; set ${where.setting} to 1024 or more`,
        options,
      );
    case 'EADDRNOTAVAIL':
    // A kernel without IPv6 has none of its addresses.
    case 'EAFNOSUPPORT': {
      const { hostSetting: setting = where.setting.replace(/port$/, 'host') } = where;
      const message = `this machine has no address ${where.host}; set ${setting}`;
      return new Problem('host-not-here', message, { ...options, details: { ...details, setting } });
    }
    default:
      return error;
  }
}
