import { createServer, type Server } from 'node:http';
import { codeOf } from '../kit/runtime/errors.ts';
import { httpLimits } from '../kit/http/http-server.ts';
import { listen, listenProblem } from '../kit/http/listen.ts';
import { agentPorts } from '../protocol/agent-api.ts';

const host = '127.0.0.1';

/**
 * Listens on loopback alone: on `port`, or when that is 0 on the first free one of those that pages know, else on any. Throws
 * `port-in-use` for a port that was given.
 */
export async function listenLocally(
  server: Server,
  port: number,
  { first, last }: { first: number; last: number } = agentPorts,
): Promise<number> {
  const known = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  for (const candidate of port === 0 ? [...known, 0] : [port]) {
    try {
      return await listen(server, { host, port: candidate, exclusive: true });
    } catch (error) {
      const taken = ['EADDRINUSE', 'EACCES'].includes(codeOf(error));
      if (port !== 0 || !taken) throw listenProblem(error, { host, port: candidate, setting: 'port' });
    }
  }
  throw new Error('unreachable: port 0 is never in use');
}

/** With limits for a handful of pages. */
export function localServer(): Server {
  const server = createServer({
    headersTimeout: httpLimits.headersTimeoutMs,
    requestTimeout: httpLimits.requestTimeoutMs,
    maxHeaderSize: httpLimits.maxHeaderBytes,
  });
  server.maxConnections = 64;
  return server;
}
