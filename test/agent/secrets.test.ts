import { expect, it } from 'vitest';
import { createLog } from '../../src/kit/log/log.ts';
import { agentPaths } from '../../src/protocol/agent-api.ts';
import { readFileSync, readdirSync } from 'node:fs';
import { openComputer } from './computer.ts';
import { signInOnce } from './flow.ts';

it('logs what it does, and at no level a token, a challenge or a signature', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'trace', format: 'json', write: (line) => lines.push(line) });
  const computer = await openComputer({}, log);
  const { page, signed, folder, agent } = computer;
  const request = await signed();
  const { json } = await page('POST', agentPaths.exchange, { body: request });
  await page('POST', agentPaths.exchange, { body: request });
  await page('POST', agentPaths.exchange, { body: { ...(await signed()), signature: request.signature } });
  await page('POST', agentPaths.exchange, { body: { ...request, more: 'x' } });
  await signInOnce(computer);
  await page('POST', agentPaths.done);

  const logged = lines.join('');
  for (const words of [
    `Server started on port ${agent.port}`,
    'Received /alive',
    'Verified challenge',
    'Sent credentials to web',
    'a page was not signed in',
  ])
    expect(logged).toContain(words);
  const kept = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, 'utf8'));
  const secrets = [
    json['access_token'],
    json['refresh_token'],
    request.challenge,
    request.signature,
    ...kept.flatMap((text) =>
      [...text.matchAll(/"(?:access|refresh)":"([^"]+)"/g)].map(([, token]) => token),
    ),
  ];
  expect(secrets.length).toBe(6);
  for (const secret of secrets) expect(logged.includes(String(secret))).toBe(false);
});
