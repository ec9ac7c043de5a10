import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

/** One UDP socket. `onPacket` answers at once or not at all. */
export class UdpListener {
  readonly #onPacket: (packet: Buffer, from: RemoteInfo) => Buffer | undefined;
  #socket: Socket | undefined;

  constructor(options: { onPacket: (packet: Buffer, from: RemoteInfo) => Buffer | undefined }) {
    this.#onPacket = options.onPacket;
  }

  /** Resolves with the port that is open; rejects with Node's error. */
  async open(host: string, port: number): Promise<number> {
    const socket = createSocket({
      type: isIPv6(host) ? 'udp6' : 'udp4',
      ...(isIPv6(host) ? { ipv6Only: true } : {}),
      // Room for a burst while the process is busy elsewhere; the kernel caps it at net.core.rmem_max.
      recvBufferSize: 4 * 1024 * 1024,
    });
    this.#socket = socket;
    socket.on('message', (packet, from) => {
      const response = this.#onPacket(packet, from);
      // A client that cannot be reached is no concern of ours.
      if (response !== undefined) socket.send(response, from.port, from.address, () => undefined);
    });
    socket.bind({ address: host, port, exclusive: true });
    await once(socket, 'listening');
    socket.on('error', () => undefined);
    return socket.address().port;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      socket.close(() => resolve());
    });
  }
}
