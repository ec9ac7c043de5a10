import { agentBoxPaths, agentPaths } from '../../src/protocol/agent-api.ts';
import { fromApp } from '../box/lab/lab.ts';
import type { Computer } from './computer.ts';

/** The whole flow once, by a page that was never here before; how long each step took, ms. */
export async function signInOnce({
  lab,
  page,
}: Pick<Computer, 'lab' | 'page'>): Promise<Record<'alive' | 'sign' | 'exchange', number>> {
  const times = [performance.now()];
  const { json: alive } = await page('GET', agentPaths.alive);
  times.push(performance.now());
  const { challenge } = alive;
  const { json: signed } = await fromApp(lab, 'POST', agentBoxPaths.challenge, { body: { challenge } });
  times.push(performance.now());
  const { signedAt, signature } = signed;
  const body = { challenge, signedAt, signature, deviceId: String(challenge) };
  const { status } = await page('POST', agentPaths.exchange, { body });
  if (status !== 200) throw new Error(`the page was not signed in: ${status}`);
  times.push(performance.now());
  const [start = 0, asked = 0, withSignature = 0, end = 0] = times;
  return { alive: asked - start, sign: withSignature - asked, exchange: end - withSignature };
}
