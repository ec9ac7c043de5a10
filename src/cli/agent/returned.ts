import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { agentClient } from '../../protocol/agent-api.ts';

const { pathname } = new URL(agentClient.redirectUri);

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Porchlight</title>
<p>The box has answered. You can close this page: the terminal says how it went.</p></html>`;

/**
 * Where the browser comes back to on this computer (RFC 8252, 7.3): a port of loopback, open for one answer. `returned`
 * resolves to the URL that was called with the `state` of the request; others are answered 404 and change nothing.
 */
export async function awaitReturn(signal: AbortSignal): Promise<{
  redirectUri: string;
  returned: (state: string) => Promise<string>;
  close: () => void;
}> {
  const answered = new Map<string, (url: string) => void>();
  const server = createServer({ requestTimeout: 5000 }, (request, response) => {
    // Any page can ask for anything here, also for what is no URL (`//`).
    const url = URL.parse(request.url ?? '', redirectUri);
    const take = answered.get(url?.searchParams.get('state') ?? '');
    const ours = request.method === 'GET' && url?.pathname === pathname && take !== undefined;
    response.writeHead(ours ? 200 : 404, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      connection: 'close',
    });
    response.end(ours ? page : '', () => ours && take(url.href));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const redirectUri = `http://127.0.0.1:${port}${pathname}`;
  return {
    redirectUri,
    returned: (state) =>
      new Promise((resolve, reject) => {
        answered.set(state, resolve);
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
