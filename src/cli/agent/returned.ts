import { createServer } from 'node:http';
import { Problem } from '../../kit/runtime/errors.ts';
import { isSound } from '../../kit/http/http-strict.ts';
import { listen } from '../../kit/http/listen.ts';
import { plainPage, plainPageHeaders } from '../../kit/http/plain-page.ts';
import { refusal } from '../../kit/http/refusal.ts';
import { agentClient } from '../../protocol/agent-api.ts';

const { pathname } = new URL(agentClient.redirectUri);

const page = plainPage({
  title: 'Porchlight',
  main: '<h1>The box has answered</h1>\n<p>You can close this page: the terminal says how it went.</p>',
});
const notAsked = new Problem('not-found', 'this address waits for a box’s answer, and this was not one', {
  status: 404,
});

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
    if (!isSound(request, response)) return;
    // Any page can ask for anything here, also for what is no URL (`//`).
    const url = URL.parse(request.url ?? '', redirectUri);
    const take = answered.get(url?.searchParams.get('state') ?? '');
    const ours = request.method === 'GET' && url?.pathname === pathname && take !== undefined;
    const { status, headers, body } = ours
      ? { status: 200, headers: plainPageHeaders, body: page }
      : refusal(notAsked, { accept: request.headers.accept });
    response.writeHead(status, { ...headers, connection: 'close' });
    response.end(body, () => ours && take(url.href));
  });
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
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
