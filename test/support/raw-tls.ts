import { connect } from 'node:tls';

/** Sends these bytes over TLS, one at a time (as slow clients do) or in one go, and answers with all that comes until the end. */
export function sayRaw(
  where: { port: number; ca: string; key: string; cert: string },
  bytes: string,
): Promise<string> {
  const socket = connect({ host: '127.0.0.1', servername: 'localhost', ...where });
  return new Promise((resolve, reject) => {
    let answer = '';
    socket.setNoDelay(true);
    socket.once('secureConnect', () => {
      for (const byte of Buffer.from(bytes)) socket.write(Buffer.of(byte));
    });
    socket.on('data', (data: Buffer) => {
      answer += data.toString('latin1');
      const [, length] = /content-length: (\d+)/i.exec(answer) ?? [];
      const head = answer.indexOf('\r\n\r\n');
      if (length !== undefined && head !== -1 && answer.length - head - 4 >= Number(length)) socket.end();
    });
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
  });
}
