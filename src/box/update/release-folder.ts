import { Agent, request } from 'undici';
import { type Clock, minutes, type Random, seconds } from '../../kit/runtime/clock.ts';
import { codeOf, isAbort, messageOf, Problem } from '../../kit/runtime/errors.ts';
import { HttpClient } from '../../kit/http/http-client.ts';
import { retry } from '../../kit/runtime/retry.ts';
import { type Release, ReleaseIndex, type UpdateChannel } from '../../protocol/update-api.ts';
import type { BundleFolder } from './bundle-folder.ts';

export interface ReleaseFolderOptions {
  /** Address of the folder, ending in `/`. */
  url: string;
  /** PEM certificates to trust instead of the system’s. */
  ca?: string | undefined;
  bundles: BundleFolder;
  clock: Clock;
  random: Random;
}

const backoff = { initialMs: seconds(2), factor: 3, capMs: minutes(2), jitter: 0.5 };
const attempts = 6;

/**
 * A folder of releases on any web server: `<channel>.json` and the bundles beside it. Nothing it says is trusted: it can
 * name what there is, and whether to install it is decided by the bundle’s signature and version.
 */
export class ReleaseFolder {
  readonly #options: ReleaseFolderOptions;

  constructor(options: ReleaseFolderOptions) {
    this.#options = options;
  }

  /** Throws `unreachable`, `bad-answer`, `http-404`. */
  async releases(channel: UpdateChannel, signal: AbortSignal): Promise<readonly Release[]> {
    const { url, ca } = this.#options;
    const { origin, pathname } = new URL(`${channel}.json`, url);
    const client = new HttpClient({ origin, ca, timeoutMs: seconds(30) });
    try {
      return (await client.request({ method: 'GET', path: pathname, answer: ReleaseIndex, signal })).releases;
    } finally {
      await client.close();
    }
  }

  /**
   * The whole bundle, on the disk: answers its path. Goes on where it, or a former one, was cut off (RFC 9110, 14.2).
   * Throws `unreachable`, `bad-answer`, `storage-full`.
   */
  async fetch(release: Release, signal: AbortSignal, onProgress: (percent: number) => void): Promise<string> {
    const { bundles, clock, random } = this.#options;
    const path = bundles.placeOf(release.sha256);
    await bundles.clear(path);
    await retry(() => this.#fetchRest(release, path, signal, onProgress), {
      backoff,
      attempts,
      clock,
      random,
      signal,
    });
    return path;
  }

  async #fetchRest(
    release: Release,
    path: string,
    signal: AbortSignal,
    onProgress: (percent: number) => void,
  ): Promise<void> {
    const { bundles } = this.#options;
    const there = await bundles.sizeOf(path);
    if (there < release.size) {
      await bundles.requireSpace(release.size - there);
      await this.#download(release, path, there, signal, onProgress);
    }
    if ((await bundles.sizeOf(path)) === release.size && (await bundles.sha256Of(path)) === release.sha256)
      return;
    // Not to be mended by going on: the next try starts over.
    await bundles.clear();
    const message = `${release.file} is not what the release folder says of it (size or SHA-256); whoever publishes it has to look`;
    throw new Problem('bad-answer', message, { status: 502 });
  }

  async #download(
    release: Release,
    path: string,
    offset: number,
    signal: AbortSignal,
    onProgress: (percent: number) => void,
  ): Promise<void> {
    const { url, ca, bundles } = this.#options;
    const address = new URL(release.file, url).href;
    const agent = new Agent({
      connect: { timeout: seconds(10), ...(ca === undefined ? {} : { ca }) },
      headersTimeout: seconds(30),
      bodyTimeout: seconds(60),
    });
    try {
      const headers = offset > 0 ? { range: `bytes=${offset}-` } : {};
      const { statusCode, body } = await request(address, { dispatcher: agent, headers, signal });
      if (statusCode !== 200 && statusCode !== 206) {
        body.destroy();
        throw new Problem(`http-${statusCode}`, `${address} was answered with ${statusCode}`, {
          status: 502,
          retryable: statusCode >= 500,
        });
      }
      // A server without ranges begins at the beginning.
      await bundles.write(path, body as AsyncIterable<Uint8Array>, {
        offset: statusCode === 206 ? offset : 0,
        limit: release.size,
        onBytes: (bytes) => onProgress(Math.floor((100 * bytes) / release.size)),
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Problem || isAbort(error)) throw error;
      const message = `${address} cannot be fetched: ${messageOf(error)}`;
      throw new Problem('unreachable', message, {
        status: 502,
        cause: error,
        details: { system: codeOf(error) },
      });
    } finally {
      await agent.destroy();
    }
  }
}
