import { connect } from 'node:net';

/** What a server on loopback answers to exactly these lines of a request: the first line. */
export function statusLine(port: number, ...lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.on('error', reject).on('close', () => resolve(text.slice(0, text.indexOf('\r\n'))));
    socket.end(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
  });
}
