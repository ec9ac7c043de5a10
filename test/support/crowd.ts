import { connect, type Socket } from 'node:net';

/** So many client networks attack: few, some, many. */
export const crowds = [2, 10, 50] as const;

/** The address of a network of the crowd, on this machine. */
export const crowdAddress = (network: number): string => `127.66.${network >> 8}.${network & 0xff}`;

/**
 * Connections from `networks` addresses, `each` of every one, which say `first` and then nothing. Answers when all have
 * connected or were turned away.
 */
export async function crowdOf(
  networks: number,
  each: number,
  port: number,
  first = '',
): Promise<{ sockets: Socket[]; [Symbol.dispose](): void }> {
  const sockets: Socket[] = [];
  for (let round = 0; round < each; round++) {
    for (let network = 1; network <= networks; network++) {
      const socket = connect({ host: '127.0.0.1', port, localAddress: crowdAddress(network) });
      socket.on('error', () => undefined);
      if (first !== '') socket.write(first);
      sockets.push(socket);
    }
    const latest = sockets.slice(-networks);
    await Promise.all(latest.map(connectedOrClosed));
  }
  return { sockets, [Symbol.dispose]: () => sockets.forEach((socket) => socket.destroy()) };
}

function connectedOrClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['connect', 'close'] as const) socket.once(event, () => resolve());
  });
}
