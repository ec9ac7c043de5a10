import type { Socket } from 'node:net';

/**
 * Requests that RFC 9112 has a server refuse or take, as they go over the wire to `host`, with the status they get. Whoever takes
 * `GET /` answers `sound`.
 */
export const requests = (
  host: string,
  sound: number,
): [what: string, bytes: string, status: number, closes: boolean][] => {
  const end = '\r\n\r\n';
  const chunk = '5\r\nhello\r\n0\r\n\r\n';
  return [
    ['a plain request', `GET / HTTP/1.1\r\nHost: ${host}${end}`, sound, false],
    ['two Host lines', `GET / HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}${end}`, 400, true],
    ['two Host lines that differ', `GET / HTTP/1.1\r\nHost: ${host}\r\nhOST: evil.example${end}`, 400, true],
    ['no Host line', `GET / HTTP/1.1${end}`, 400, true],
    ['a host with a space', `GET / HTTP/1.1\r\nHost: a b${end}`, 400, true],
    ['a host with a path', `GET / HTTP/1.1\r\nHost: ${host}/x${end}`, 400, true],
    ['a host with a user', `GET / HTTP/1.1\r\nHost: me@${host}${end}`, 400, true],
    ['a list of hosts', `GET / HTTP/1.1\r\nHost: ${host}, evil.example${end}`, 400, true],
    ['the absolute form', `GET https://${host}/ HTTP/1.1\r\nHost: ${host}${end}`, sound, false],
    ['the absolute form without a path', `GET https://${host} HTTP/1.1\r\nHost: ${host}${end}`, sound, false],
    [
      'the absolute form of another host',
      `GET https://evil.example/ HTTP/1.1\r\nHost: ${host}${end}`,
      400,
      true,
    ],
    [
      'a coding besides chunked',
      `POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: gzip, chunked${end}${chunk}`,
      501,
      true,
    ],
    [
      'chunks in HTTP/1.0',
      `POST / HTTP/1.0\r\nHost: ${host}\r\nTransfer-Encoding: chunked${end}${chunk}`,
      400,
      true,
    ],
    ['HTTP/0.9', `GET /${end}`, 505, true],
    ['no HTTP', `HELLO${end}`, 400, true],
    ['large headers', `GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${'x'.repeat(70_000)}${end}`, 431, true],
  ];
};

/** What comes back for `bytes` until the head and body of one answer are there, and whether the connection ended by itself. */
export async function exchange(
  socket: Socket,
  bytes: string,
): Promise<{ text: string; status: number; closed: boolean }> {
  let text = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  const ended = new Promise<void>((resolve) =>
    socket.once('close', () => {
      closed = true;
      resolve();
    }),
  );
  socket.write(bytes);
  const until = Date.now() + 5000;
  while (!socket.closed && Date.now() < until && !/^HTTP\/1.1 \d/.test(text))
    await new Promise((resolve) => setTimeout(resolve, 10));
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 300))]);
  socket.destroy();
  return { text, status: Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? 0), closed };
}
