import { constants, createHash, randomBytes, verify, X509Certificate } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { appOrigin, Browser, fromApp, openLab } from '../../lab/lab.ts';
import { pairAgent, withToken } from './paired.ts';

/**
 * The document's two programs with nothing of ours but the wire: a desktop app with a server on loopback, and a web page
 * that finds it. The box is real.
 */
it('is played by a desktop app and a web page as the document has them', async () => {
  const box = await openLab();
  const owner = new Browser(box);
  await owner.firstRun();

  // The desktop app is signed in, and knows its backend by the certificate that the box id is the hash of.
  const { accessToken } = await pairAgent(box, owner);
  const view = (await withToken(box, accessToken, 'GET', '/api/agent')).json;
  const certificate = new X509Certificate(Buffer.from(String(view['certificate']), 'base64'));
  const challenges = new Map<string, number>();
  const logged: string[] = [];

  const desktop = createServer((request, response) => {
    void (async () => {
      if (request.method === 'OPTIONS') return reply(response, 204);
      if (request.url === '/alive') {
        const challenge = randomBytes(24).toString('hex');
        challenges.set(challenge, Date.now() + 30_000);
        logged.push('Received /alive');
        return reply(response, 200, { status: 'ok', challenge });
      }
      if (request.url !== '/exchange') return reply(response, 404);
      const { challenge, signedAt, signature } = JSON.parse(await bodyOf(request)) as Record<string, string>;
      const expires = challenges.get(String(challenge)) ?? 0;
      challenges.delete(String(challenge));
      const text = `porchlight agent challenge v1\n${String(view['boxId'])}\n${appOrigin}\n${challenge}\n${signedAt}\n`;
      const key = { key: certificate.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
      const signed = verify('sha256', Buffer.from(text), key, Buffer.from(String(signature), 'base64url'));
      if (expires < Date.now() || !signed) return reply(response, 403);
      logged.push('Verified challenge');
      const made = await withToken(box, accessToken, 'POST', '/api/auth/login/session', {
        body: {
          deviceId: createHash('sha256').update('this computer').digest('hex'),
          deviceName: 'Ada’s computer',
          platform: 'linux',
          expiredAt: box.clock.now() + 3_600_000,
          origin: appOrigin,
        },
      });
      logged.push('Sent credentials to web');
      reply(response, made.status, made.json);
    })();
  });
  const port = await new Promise<number>((resolve) =>
    desktop.listen(0, '127.0.0.1', () => resolve((desktop.address() as AddressInfo).port)),
  );
  onTestFinished(() => void desktop.close());

  // The web page: alive, signed by the backend, exchange.
  const origin = { origin: appOrigin };
  const alive = await fetch(`http://127.0.0.1:${port}/alive`, { headers: origin });
  const { status, challenge } = (await alive.json()) as Record<string, string>;
  expect(status).toBe('ok');
  const { json: signature } = await fromApp(box, 'POST', '/api/agent/challenge', { body: { challenge } });
  const exchanged = await fetch(`http://127.0.0.1:${port}/exchange`, {
    method: 'POST',
    headers: { ...origin, 'content-type': 'application/json' },
    body: JSON.stringify({ challenge, ...signature }),
  });
  expect(exchanged.status).toBe(201);
  const credentials = (await exchanged.json()) as Record<string, unknown>;
  expect(credentials['parentSessionId']).toBe(view['sessionId']);
  expect((await withToken(box, String(credentials['access_token']), 'GET', '/api/state')).status).toBe(200);
  expect(logged).toEqual(['Received /alive', 'Verified challenge', 'Sent credentials to web']);
});

function reply(response: ServerResponse, status: number, body?: object): void {
  response.writeHead(status, {
    'Access-Control-Allow-Origin': appOrigin,
    'Access-Control-Allow-Headers': '*',
    'Access-Control-Allow-Methods': 'GET, POST, OPTIONS',
    'content-type': 'application/json',
  });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

async function bodyOf(request: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
