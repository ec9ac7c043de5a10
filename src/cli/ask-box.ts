import { request } from 'undici';
import type { BoxStatus } from '../box/system/status.ts';
import { messageOf, Problem } from '../kit/errors.ts';

/** What the box that runs on this machine says of itself. Throws `box-not-running`. */
export async function askBox(port: number, timeoutMs: number): Promise<BoxStatus> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await request(`http://127.0.0.1:${port}/status`, { signal });
    return (await response.body.json()) as BoxStatus;
  } catch (error) {
    throw new Problem(
      'box-not-running',
      `no box answers on 127.0.0.1:${port} (${messageOf(error)}); start it, or say where with --system.port`,
      { cause: error },
    );
  }
}
