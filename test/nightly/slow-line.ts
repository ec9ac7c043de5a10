import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A line to a server on this machine on which every byte is on its way for `ms`, and a connection takes a round trip. */
export async function slowLine(
  port: number,
  ms: number,
): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    // The three packets by which a connection begins are the system's own, and quick here.
    setTimeout(() => carry(near, far, ms), 2 * ms).unref();
    near.pause();
    setTimeout(() => near.resume(), 2 * ms).unref();
    carry(far, near, ms);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Each piece comes as long after the one before as it was sent after it. */
function carry(from: Socket, to: Socket, ms: number): void {
  let last = sleep(ms);
  const later = (deliver: () => void): void => {
    const due = performance.now() + ms;
    last = last.then(() => sleep(Math.max(0, due - performance.now()))).then(deliver);
  };
  from.on('data', (bytes) => later(() => void to.write(bytes)));
  from.on('end', () => later(() => void to.end()));
  // What was sent before it still comes.
  from.on('close', () => later(() => void to.destroy()));
  from.on('error', () => undefined);
}
