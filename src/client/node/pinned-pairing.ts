import { WebSocket as UndiciSocket } from 'undici';
import { PairingClient, type PairingClientOptions } from '../pairing-client.ts';
import type { LocalBox } from './find.ts';
import type { Pins } from './pins.ts';

export interface PinnedPairingOptions extends Pick<PairingClientOptions, 'name' | 'kind' | 'store'> {
  box: LocalBox;
  pins: Pins;
  /** ms since the epoch. */
  now: number;
}

/**
 * A pairing client for a box that was found on this network, with no cloud and no CA: the box is known by its pinned identity
 * before anything is sent. Throws what `Pins.open` throws. Close it with `close`.
 */
export async function openPinnedPairing({
  box,
  pins,
  now,
  ...client
}: PinnedPairingOptions): Promise<{ client: PairingClient; close: () => Promise<void> }> {
  const pinned = await pins.open(box, now);
  const { origin } = pinned;
  const pairing = new PairingClient({
    ...client,
    origin,
    // The port may be another one tomorrow.
    place: box.host,
    runtime: {
      fetch: (url, init) => pinned.fetch(url.slice(origin.length), init),
      openSocket: (url, protocols = []) =>
        new UndiciSocket(url, { dispatcher: pinned.dispatcher, protocols: [...protocols] }),
    },
  });
  const close = async (): Promise<void> => {
    await pairing.close();
    await pinned.close();
  };
  return { client: pairing, close };
}
