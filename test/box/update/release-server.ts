import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import type { Release, UpdateChannel } from '../../../src/protocol/update-api.ts';
import { compatible } from './rauc-lab.ts';

/** A web server with a release folder, which does as it is told: also cut off, and lie. */
export class ReleaseServer {
  readonly indexes = new Map<UpdateChannel, unknown>();
  readonly files = new Map<string, Buffer>();
  /** Of each request for a bundle, the header `range`. */
  readonly ranges: (string | undefined)[] = [];
  /** The next answers with a bundle end after so many bytes. */
  cutAfter: number[] = [];
  supportsRanges = true;
  readonly #server: Server = createServer((request, response) => this.#answer(request, response));

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/releases/`;
  }

  /** Puts a bundle there, under a version, and answers what the index says of it. */
  add(path: string, version: string, channel: UpdateChannel = 'stable'): Release {
    const bytes = readFileSync(path);
    const file = basename(path);
    this.files.set(file, bytes);
    const release: Release = {
      version,
      compatible,
      file,
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      notes: `Notes of ${version}.`,
    };
    const { releases = [] } = (this.indexes.get(channel) ?? {}) as { releases?: Release[] };
    this.indexes.set(channel, { releases: [...releases, release] });
    return release;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const name = request.url?.replace('/releases/', '') ?? '';
    const index = this.indexes.get(name.replace('.json', '') as UpdateChannel);
    if (index !== undefined) return void response.end(JSON.stringify(index));
    const bytes = this.files.get(name);
    if (bytes === undefined) return void response.writeHead(404).end();
    const { range } = request.headers;
    this.ranges.push(range);
    const from = this.supportsRanges ? Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0) : 0;
    const rest = bytes.subarray(from);
    const status = from > 0 ? 206 : 200;
    response.writeHead(status, { 'content-length': rest.length });
    const cut = this.cutAfter.shift();
    if (cut === undefined) return void response.end(rest);
    response.write(rest.subarray(0, cut));
    response.socket?.end();
  }
}
