import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { seconds } from '../runtime/clock.ts';

const lingerMs = seconds(30);
const lingerIdleMs = seconds(5);

/**
 * An answer that comes before the whole request was read (413 to a long body) is followed by the end of the connection. Who
 * closes then, with bytes unread, makes the kernel send a reset, which takes the answer from the visitor's hands before it was
 * read. So the write side ends, and what still comes is read and thrown away for a while (RFC 9112, 9.6).
 */
export function lingerAfterAnswers(server: Pick<Server, 'on' | 'prependListener'>): void {
  const reading = new WeakMap<Socket, IncomingMessage>();
  const onSocket = (socket: Socket): void => {
    const soon = socket.destroySoon.bind(socket);
    socket.destroySoon = () => {
      if (reading.get(socket)?.complete === false) linger(socket);
      else soon();
    };
  };
  server.on('connection', onSocket);
  server.on('secureConnection', onSocket);
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    // A stream of HTTP/2 ends by itself, and leaves its connection to the others.
    if (request.httpVersionMajor > 1) return;
    reading.set(request.socket, request);
    // From here on nobody reads it; unread, it would hold up what is read of the connection.
    response.once('finish', () => request.resume());
  });
}

function linger(socket: Socket): void {
  const over = (): void => void socket.destroy();
  if (socket.destroyed || !socket.writable) return over();
  const late = setTimeout(over, lingerMs);
  socket.setTimeout(lingerIdleMs, over);
  socket.once('end', over);
  socket.once('close', () => clearTimeout(late));
  socket.end();
}
