import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Value } from 'typebox/value';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Clock, minutes } from '../kit/runtime/clock.ts';
import { isAbort, Problem } from '../kit/runtime/errors.ts';
import { refuseUpgrade } from '../kit/http/refuse-upgrade.ts';
import { agentPaths, AgentSocketMessage, AliveQuery } from '../protocol/agent-api.ts';
import { admit } from './origin-check.ts';
import { bodyLimit, type RoutesOptions } from './routes.ts';

/** Of all pages together. */
const mostSockets = 32;
/** A sign-in takes seconds, or as long as a person needs to say yes. */
const longestMs = minutes(5);

/** The same exchange over `/ws`, with no further requests. */
export class AgentSockets {
  readonly #options: RoutesOptions & { clock: Clock };
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: bodyLimit, perMessageDeflate: false });

  constructor(options: RoutesOptions & { clock: Clock }) {
    this.#options = options;
  }

  async upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    stream.on('error', () => stream.destroy());
    try {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
      const query = Object.fromEntries(searchParams);
      if (pathname !== agentPaths.socket || !Value.Check(AliveQuery, query))
        return refuseUpgrade(stream, 404);
      if (this.#server.clients.size >= mostSockets) return refuseUpgrade(stream, 503);
      const origin = await admit(request, this.#options.originCheck);
      this.#server.handleUpgrade(
        request,
        stream,
        head,
        (socket) => void this.#serve(socket, origin, query.box),
      );
    } catch (error) {
      refuseUpgrade(stream, error instanceof Problem ? error.status : 500);
    }
  }

  stop(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  async #serve(socket: WebSocket, origin: string, boxId: string | undefined): Promise<void> {
    const { signIn, clock, ended } = this.#options;
    const gone = new AbortController();
    const signal = AbortSignal.any([ended, gone.signal]);
    const tell = (message: object): void => socket.send(JSON.stringify(message));
    socket.once('close', () => gone.abort());
    socket.on('error', () => socket.terminate());
    socket.on('message', (data: Buffer) => {
      const message = messageIn(data);
      if (message === undefined) return socket.close(1008, 'not a message of the agent’s');
      if (message.type === 'done') return socket.close(1000);
      const { type: _, ...request } = message;
      signIn.exchange(origin, request, signal).then(
        (answer) => tell({ type: 'credentials', ...answer }),
        (error: unknown) => tell({ type: 'error', ...problemOf(error).toJSON() }),
      );
    });
    try {
      tell({ type: 'alive', ...signIn.alive(origin, boxId) });
      await clock.sleep(longestMs, signal);
      socket.close(1000);
    } catch (error) {
      if (isAbort(error)) return;
      tell({ type: 'error', ...problemOf(error).toJSON() });
      socket.close(1008);
    }
  }
}

const problemOf = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem('unexpected', 'something went wrong on this side');

function messageIn(data: Buffer) {
  try {
    const message: unknown = JSON.parse(data.toString('utf8'));
    return Value.Check(AgentSocketMessage, message) ? message : undefined;
  } catch {
    return undefined;
  }
}
