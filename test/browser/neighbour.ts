import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createTestCa } from '../../src/cli/home/test-ca.ts';

/** The page of another box in the same zone, whose owner means no good: an empty one, for scripts of a test to run in. */
export class Neighbour {
  /** What a browser has to trust for it. */
  readonly caPem: string;
  readonly #host: string;
  readonly #server: Server;

  private constructor(given: { host: string; caPem: string; server: Server }) {
    this.#host = given.host;
    this.caPem = given.caPem;
    this.#server = given.server;
  }

  static async start(zoneRoot: string): Promise<Neighbour> {
    const host = `${'b'.repeat(51)}a.${zoneRoot}`;
    const ca = await createTestCa();
    const { keyPem, certPem } = await ca.issue([host]);
    const server = createServer({ key: keyPem, cert: certPem }, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>neighbour</title>');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new Neighbour({ host, caPem: ca.caPem, server });
  }

  get origin(): string {
    return `https://${this.#host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
