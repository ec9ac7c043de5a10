import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { seconds } from '../runtime/clock.ts';

const lastWordMs = seconds(5);

/**
 * Answers a request to change the protocol with `status`, in HTTP, and ends the connection. Node has taken its own time limits
 * off it and leaves it half open: who is refused could keep it, and its place, for ever.
 */
export function refuseUpgrade(stream: Duplex, status: number): void {
  if (!stream.writable) return void stream.destroy();
  const reason = STATUS_CODES[status] ?? 'Refused';
  endConnection(stream);
  stream.end(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** Once the last word is written, or nobody took it for some seconds, the connection is over, whatever the other side does. */
function endConnection(stream: Duplex): void {
  const late = setTimeout(() => stream.destroy(), lastWordMs);
  stream.once('finish', () => stream.destroy());
  stream.once('close', () => clearTimeout(late));
}
