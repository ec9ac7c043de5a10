import { createHash, randomBytes } from 'node:crypto';
import { agentClient } from '../../../../src/protocol/agent-api.ts';
import { type Answer, Browser, type Call, fromApp, type Lab } from '../../lab/lab.ts';

export const loopback = 'http://127.0.0.1:53211/paired';
/** What no page says: programs send no Origin. */
const noPage = { origin: undefined };

/** The agent's side, as the box sees it: let in by a person in a browser, returned to loopback (RFC 8252). */
export async function pairAgent(
  lab: Lab,
  browser: Browser,
  redirectUri = loopback,
): Promise<{ accessToken: string; refreshToken: string; answer: Answer }> {
  const verifier = randomBytes(32).toString('base64url');
  const asked = {
    client_id: agentClient.clientId,
    redirect_uri: redirectUri,
    state: randomBytes(16).toString('base64url'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    response_type: 'code',
  };
  const { json } = await browser.call('POST', '/api/connect', { body: { ...asked, allow: true } });
  const code = new URL(String(json['redirect'])).searchParams.get('code') ?? '';
  const answer = await new Browser(lab).call('POST', '/oauth/token', {
    headers: noPage,
    form: {
      grant_type: 'authorization_code',
      client_id: agentClient.clientId,
      redirect_uri: redirectUri,
      code,
      code_verifier: verifier,
      device_name: 'desk',
    },
  });
  return {
    accessToken: String(answer.json['access_token']),
    refreshToken: String(answer.json['refresh_token']),
    answer,
  };
}

/** A call with an access token, by a program unless `headers` has an Origin. */
export function withToken(
  lab: Lab,
  accessToken: string,
  method: string,
  path: string,
  call: Call = {},
): Promise<Answer> {
  const headers = { ...noPage, authorization: `Bearer ${accessToken}`, ...call.headers };
  return fromApp(lab, method, path, { ...call, headers });
}
