import type { LocalBox } from '../../client/node/find.ts';
import type { Pins } from '../../client/node/pins.ts';
import { systemClock } from '../../kit/runtime/clock.ts';
import { codeOf, messageOf } from '../../kit/runtime/errors.ts';
import { StorageProblem } from '../../kit/disk/problem.ts';

/** `new`: first seen now, and remembered. `known`: the same as then. `changed`: not the same. `silent`: no proof. */
export type ShownIdentity = 'new' | 'known' | 'changed' | 'silent';

export interface Listed extends LocalBox {
  url: string;
  identity: ShownIdentity;
  problem?: string;
}

/** The box has shown that it holds the identity it announces, and that is the one pinned. */
export async function proven(box: LocalBox, pins: Pins): Promise<Listed> {
  const url = `https://${box.host}${box.port === 443 ? '' : `:${box.port}`}${box.path}`;
  const trust = await pins.trust(box);
  try {
    const opened = await pins.open(box, systemClock.now());
    try {
      await opened.fetch('/ping', { signal: AbortSignal.timeout(5000) });
      return { ...box, url, identity: trust };
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (error instanceof StorageProblem || codeOf(error) === 'pins-damaged') throw error;
    const identity = codeOf(error) === 'identity-changed' ? 'changed' : 'silent';
    return { ...box, url, identity, problem: messageOf(error) };
  }
}

export const identityWords: Record<ShownIdentity, string> = {
  new: 'first seen: remembered',
  known: 'the box it was before',
  changed: 'NOT THE BOX IT WAS: see below',
  silent: 'does not prove who it is',
};
