import { connect } from 'node:tls';
import { Duplex } from 'node:stream';

/** The first bytes that a real TLS client (OpenSSL, as Node has it) sends to reach `servername`. */
export function captureClientHello(servername: string | undefined): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write: (bytes: Buffer, _encoding, done) => {
        resolve(bytes);
        done();
      },
    });
    const socket = connect({ socket: wire, ...(servername === undefined ? {} : { servername }) });
    socket.on('error', () => undefined);
  });
}
