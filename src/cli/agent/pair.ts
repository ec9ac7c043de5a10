import { execFile } from 'node:child_process';
import { hostname } from 'node:os';
import {
  BoxConnection,
  connect,
  finish,
  type RememberedBox,
  type RememberedBoxes,
  type Store,
} from '../../client/index.ts';
import type { Runtime } from '../../client/runtime.ts';
import { type Clock, minutes } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import type { Log } from '../../kit/log/log.ts';
import { agentClient } from '../../protocol/agent-api.ts';
import { PairedAccount } from './paired-account.ts';
import { awaitReturn } from './returned.ts';
import type { Target } from './target.ts';

export interface PairOptions {
  target: Target;
  store: Store;
  boxes: RememberedBoxes;
  registration: string;
  runtime: Partial<Runtime>;
  /** Shows the person the page on which the box asks them. */
  openBrowser: (url: string) => void;
  clock: Clock;
  log: Log;
}

/** First run and a forgotten password take a person a while. */
const longestMs = minutes(10);

/**
 * Lets this agent in to a box: the box asks the person in their browser, which comes back to a port of loopback (RFC 8252).
 * What the agent had at that box before is ended. Throws what `finish` does, and `pairing-timeout`.
 */
export async function pair(options: PairOptions): Promise<RememberedBox> {
  const { target, store, boxes, registration, runtime, openBrowser } = options;
  const limit = AbortSignal.timeout(longestMs);
  const { redirectUri, returned, close } = await awaitReturn(limit);
  try {
    const app = { clientId: agentClient.clientId, redirectUri, store, runtime };
    const { url, state } = await connect({ ...app, ...target });
    openBrowser(url);
    const back = await returned(state);
    const before = await boxes.get(target.box.id);
    const deviceName = hostname();
    const box = await finish({ ...app, url: back, publicPage: false, registration, deviceName });
    await boxes.put(box);
    await introduce(box, before, options);
    return box;
  } catch (error) {
    if (!limit.aborted) throw error;
    throw new Problem('pairing-timeout', 'nobody allowed it within ten minutes; try again');
  } finally {
    close();
  }
}

/** Learns what the box tells its agents, and ends the session of an earlier pairing. */
async function introduce(
  box: RememberedBox,
  before: RememberedBox | undefined,
  options: PairOptions,
): Promise<void> {
  const account = new PairedAccount({ ...options, box });
  try {
    await account.load();
  } finally {
    await account.close();
  }
  if (before === undefined) return;
  const old = new BoxConnection({ ...options, box: before, localAllowed: true });
  await old.signOut();
  await old.close();
}

/** The person's browser, by the platform's own opener; they have the address in the terminal as well. */
export function openInBrowser(platform: NodeJS.Platform, url: string): void {
  const [command, ...args] =
    platform === 'darwin'
      ? ['open', url]
      : platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler', url]
        : ['xdg-open', url];
  execFile(command ?? '', args, () => undefined);
}
