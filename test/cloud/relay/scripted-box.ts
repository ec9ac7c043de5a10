import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Frame, frameHead, FrameReader } from '../../../src/cloud/relay/framing.ts';
import { signatureOf } from '../../../src/cloud/relay/handshake.ts';

/** A box that does exactly what a test says, honest or not. */
export class ScriptedBox {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly sessionId: string | undefined;
  /** The answer to the proof. */
  readonly answer: string;

  constructor(socket: Socket, answer: string) {
    this.socket = socket;
    this.answer = answer;
    this.sessionId = headerOf(answer, 'X-PageKite-SessionID');
    const reader = new FrameReader();
    socket.on('data', (bytes: Buffer) => this.frames.push(...reader.push(bytes)));
  }

  send(headers: readonly (readonly [string, string | number])[], payload: string | Buffer = '!'): void {
    const bytes = Buffer.from(payload);
    this.socket.write(Buffer.concat([frameHead(headers, bytes.length), bytes]));
  }

  /** The headers of the frames that opened streams. */
  get opened(): ReadonlyMap<string, string>[] {
    return this.frames.map(({ headers }) => headers).filter((headers) => headers.has('host'));
  }

  dataOf(sid: string): Buffer {
    const own = this.frames.filter(
      ({ headers }) => headers.get('sid') === sid && !headers.has('noop') && !headers.has('eof'),
    );
    return Buffer.concat(own.map(({ payload }) => payload));
  }
}

export interface Proof {
  port: number;
  kiteName: string;
  secret: string;
  /** More header lines for both rounds. */
  headers?: readonly string[];
  /** Speaks through this instead of a connection of its own. */
  through?: () => Promise<Socket>;
}

/** Both rounds of the handshake. */
export async function proveKite(proof: Proof): Promise<ScriptedBox> {
  const { token } = await challenge(proof);
  return answerChallenge(proof, token);
}

export async function challenge(proof: Proof): Promise<{ token: string; answer: string }> {
  const socket = await opened(proof);
  socket.write(requestText(proof, `https:${proof.kiteName}:f00d::`));
  const answer = await head(socket);
  socket.destroy();
  return { token: headerOf(answer, 'X-PageKite-SignThis')?.split(':').at(-1) ?? '', answer };
}

export async function answerChallenge(proof: Proof, token: string): Promise<ScriptedBox> {
  const kite = { proto: 'https', name: proof.kiteName, salt: 'f00d', token };
  const socket = await opened(proof);
  socket.write(
    requestText(
      proof,
      `https:${proof.kiteName}:f00d:${token}:${signatureOf(proof.secret, kite, '12345678')}`,
    ),
  );
  return new ScriptedBox(socket, await head(socket));
}

function requestText(proof: Proof, kite: string): string {
  return ['CONNECT PageKite:1 HTTP/1.0', ...(proof.headers ?? []), `X-PageKite: ${kite}`, '', ''].join(
    '\r\n',
  );
}

async function opened(proof: Proof): Promise<Socket> {
  if (proof.through !== undefined) return proof.through();
  const socket = connect({ port: proof.port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Reads up to the empty line; what follows stays in the socket. */
export async function head(socket: Socket): Promise<string> {
  let bytes = Buffer.alloc(0);
  while (bytes.indexOf('\r\n\r\n') === -1) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
    else if (socket.readableEnded || socket.destroyed) break;
    else await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
  const end = bytes.indexOf('\r\n\r\n');
  if (end !== -1 && end + 4 < bytes.length) socket.unshift(bytes.subarray(end + 4));
  return bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
}

function headerOf(text: string, name: string): string | undefined {
  return text
    .split('\r\n')
    .find((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2);
}
