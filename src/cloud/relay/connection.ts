import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { hostName, lowerAscii } from '../../kit/http/http-text.ts';
import { type ClientHello, fatalAlert, looksLikeTls, readClientHello } from './client-hello.ts';
import { parseRequestHead, type RequestHead } from './handshake.ts';
import type { Refusal } from './limits.ts';

/** What a connection turned out to be. `rest` are bytes already read beyond what was understood. */
export type Arrival =
  | { kind: 'visitor'; socket: Socket; serverName: string; hello: Buffer }
  | { kind: 'box'; socket: Socket; head: RequestHead; rest: Buffer }
  | { kind: 'refused'; reason: Refusal }
  /** Left, or was ended, before it had said what it is. */
  | { kind: 'gone' };

export interface ArrivalOptions {
  socket: Socket;
  maxBytes: number;
  /** How to speak TLS with boxes that ask for it by `CONNECT <name>:443`. */
  tls: { certName: string; context: SecureContext } | undefined;
  /** Any text of 40 hexadecimal characters: the client looks for one to tell a relay from other servers. */
  uuid: string;
  /** Called once. Until then `socket` may be destroyed from outside. */
  onArrival: (arrival: Arrival) => void;
}

const nothing = Buffer.alloc(0);

/** Tells visitors from boxes by the first bytes, and reads as far as is needed to know where they belong. */
export function awaitArrival(options: ArrivalOptions): void {
  const { socket, maxBytes } = options;
  let held: Buffer = nothing;
  let need = 1;
  let done = false;

  const finish = (arrival: Arrival, farewell?: string | Buffer): void => {
    if (done) return;
    done = true;
    socket.off('data', read);
    socket.off('end', gone);
    socket.pause();
    // The listeners that stay would keep it as long as the connection lives.
    held = nothing;
    if (arrival.kind === 'refused' || arrival.kind === 'gone') goodbye(socket, farewell);
    options.onArrival(arrival);
  };
  const gone = (): void => finish({ kind: 'gone' });
  const read = (bytes: Buffer): void => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    if (held.length < need) return;
    if (looksLikeTls(held.readUInt8(0))) return visitor(readClientHello(held));
    const end = held.indexOf('\r\n\r\n');
    if (end !== -1 && end <= maxBytes)
      return request(held.toString('latin1', 0, end), held.subarray(end + 4));
    if (!/^[A-Z]/.test(held.toString('latin1', 0, 1)))
      return finish({ kind: 'refused', reason: 'not-for-us' });
    more(held.length + 1);
  };
  const more = (bytes: number): void => {
    need = bytes;
    if (need > maxBytes) finish({ kind: 'refused', reason: 'hello-too-large' }, fatalAlert('decode_error'));
  };
  const visitor = (hello: ClientHello): void => {
    if (hello.kind === 'more') more(hello.need);
    else if (hello.kind === 'bad')
      finish({ kind: 'refused', reason: 'hello-malformed' }, fatalAlert('decode_error'));
    else if (hello.serverName === undefined) {
      finish({ kind: 'refused', reason: 'no-server-name' }, fatalAlert('unrecognized_name'));
    } else finish({ kind: 'visitor', socket, serverName: hello.serverName, hello: held });
  };
  const request = (text: string, rest: Buffer): void => {
    const head = parseRequestHead(text);
    if (head?.method === 'CONNECT' && head.target === 'PageKite:1')
      return finish({ kind: 'box', socket, head, rest });
    if (
      head?.method === 'CONNECT' &&
      options.tls !== undefined &&
      isNamed(head.target, options.tls.certName)
    ) {
      done = true;
      socket.off('data', read);
      socket.off('end', gone);
      return secure(options, options.tls.context, rest);
    }
    const answer = `HTTP/1.1 503 Unavailable\r\nX-PageKite-UUID: ${options.uuid}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    return finish({ kind: 'refused', reason: 'plain-http' }, answer);
  };

  socket.on('error', gone);
  socket.on('close', gone);
  socket.on('end', gone);
  socket.on('data', read);
}

/** The box speaks TLS from here on, inside which only a request for a tunnel may come. */
function secure(options: ArrivalOptions, secureContext: SecureContext, rest: Buffer): void {
  const { socket, onArrival } = options;
  if (rest.length > 0) {
    socket.destroy();
    return onArrival({ kind: 'refused', reason: 'not-for-us' });
  }
  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
  const wrapped = new TLSSocket(socket, { isServer: true, secureContext });
  awaitArrival({
    ...options,
    socket: wrapped,
    tls: undefined,
    onArrival: (arrival) => {
      if (arrival.kind !== 'visitor') return onArrival(arrival);
      wrapped.destroy();
      return onArrival({ kind: 'refused', reason: 'not-for-us' });
    },
  });
}

function isNamed(target: string, certName: string): boolean {
  return hostName(target) === lowerAscii(certName);
}

/** A last word, and the end: waits for nobody. */
export function goodbye(socket: Socket, lastWord: string | Buffer | undefined): void {
  if (lastWord === undefined || !socket.writable) {
    socket.destroy();
    return;
  }
  // The rest of what the peer sends must be read, or the kernel answers with a reset that overtakes the last word.
  socket.resume();
  socket.end(lastWord);
  setTimeout(() => socket.destroy(), 2000).unref();
}
