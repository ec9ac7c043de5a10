import { Problem } from '../kit/runtime/errors.ts';
import { askJson } from './answers.ts';
import { type Runtime, runtimeFrom } from './runtime.ts';

export interface ArrivalOptions {
  /** Origin of the registration-server. */
  registration: string;
  /** Of the request that `connect` began. */
  state: string;
  /** The server may take this long (at most 20 s) to say that the window has not arrived yet. */
  waitSeconds?: number | undefined;
  signal?: AbortSignal | undefined;
  runtime?: Partial<Runtime> | undefined;
}

/**
 * Whether the window that was sent to the box got there: the box says so to the registration-server, which is asked with the
 * hash of the state. Throws `Problem` as `discover` does.
 */
export async function hasArrived(options: ArrivalOptions): Promise<boolean> {
  const { registration, state, waitSeconds = 0, signal } = options;
  const runtime = runtimeFrom(options.runtime);
  const digest = new Uint8Array(
    await runtime.crypto.subtle.digest('SHA-256', new TextEncoder().encode(state)),
  );
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const url = new URL(`/arrivals/${hash}?wait=${waitSeconds}`, registration);
  const ms = (waitSeconds + 10) * 1000;
  const { value } = await askJson(url.href, {}, { runtime, signal, ms });
  const answer = value as { arrived?: unknown } | undefined;
  if (typeof answer?.arrived === 'boolean') return answer.arrived;
  throw new Problem('bad-answer', `${registration} did not say whether the window has arrived`, {
    status: 502,
  });
}
