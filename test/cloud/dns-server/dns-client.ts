import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type Answer, decode, encode, RECURSION_DESIRED, type RecordType } from 'dns-packet';

const patienceMs = 5000;

/** One UDP exchange on loopback. `undefined` when nothing comes back within `waitMs`. */
export async function exchangeUdp(
  port: number,
  packet: Buffer,
  waitMs = patienceMs,
): Promise<Buffer | undefined> {
  const socket = createSocket('udp4');
  const answered = once(socket, 'message', { signal: AbortSignal.timeout(waitMs) });
  socket.send(packet, port, '127.0.0.1');
  try {
    const [message] = (await answered) as [Buffer];
    return message;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Sends all packets on one TCP connection and returns the answers in order; fewer when the server closes early. */
export async function exchangeTcp(port: number, packets: readonly Buffer[]): Promise<Buffer[]> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setTimeout(patienceMs, () => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(Buffer.concat(packets.map(framed)));
  const answers: Buffer[] = [];
  let rest = Buffer.alloc(0);
  for await (const data of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      answers.push(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
    if (answers.length === packets.length) break;
  }
  socket.destroy();
  return answers;
}

export function framed(packet: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(packet.length);
  return Buffer.concat([length, packet]);
}

/** With RD set: authoritative servers take no notice of it, resolvers do nothing without it. */
export function query(name: string, type: string, id = 1): Buffer {
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type: type as RecordType }],
  });
}

/** The data of the answer section as text, in order. */
export async function lookUp(port: number, name: string, type: string): Promise<string[]> {
  const response = await exchangeUdp(port, query(name, type));
  if (response === undefined) throw new Error(`no answer for ${name} ${type}`);
  return (decode(response).answers ?? []).map(dataOf);
}

export function dataOf(answer: Answer): string {
  const data: unknown = 'data' in answer ? answer.data : undefined;
  if (answer.type === 'TXT') return [data].flat().map(String).join('');
  if (answer.type === 'CAA') return `${answer.data.tag} ${answer.data.value}`;
  return typeof data === 'string' ? data : JSON.stringify(data);
}

/** Many UDP exchanges with a bounded number under way, matched by their id; lost ones are asked again. */
export class UdpClient {
  readonly #socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });

  static async open(): Promise<UdpClient> {
    const client = new UdpClient();
    client.#socket.bind(0, '127.0.0.1');
    await once(client.#socket, 'listening');
    return client;
  }

  /** Packets by their index as id (below 65536). `undefined` where all attempts brought nothing. */
  async exchange(
    port: number,
    packets: readonly Buffer[],
    { atOnce = 64, attempts = 3 } = {},
  ): Promise<(Buffer | undefined)[]> {
    const answers: (Buffer | undefined)[] = packets.map(() => undefined);
    const waiting = new Map<number, () => void>();
    const receive = (message: Buffer, from: { port: number }): void => {
      const id = message.readUInt16BE(0);
      if (from.port !== port) return;
      answers[id] = Buffer.from(message);
      waiting.get(id)?.();
    };
    this.#socket.on('message', receive);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < packets.length) {
        const id = next++;
        for (let attempt = 0; attempt < attempts && answers[id] === undefined; attempt++) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, 1000);
            waiting.set(id, () => (clearTimeout(timer), resolve()));
            this.#socket.send(packets[id] ?? Buffer.alloc(0), port, '127.0.0.1');
          });
          waiting.delete(id);
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    this.#socket.off('message', receive);
    return answers;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.close(() => resolve());
    });
  }
}
