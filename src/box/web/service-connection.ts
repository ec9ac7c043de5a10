import { Agent, type ClientRequest, request as send } from 'node:http';
import { Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { httpLimits } from '../../kit/http/http-server.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import type { Headers } from './forwarding.ts';

/** Of a head, both ways, over HTTP/1.1 and HTTP/2. */
export const headLimitBytes = httpLimits.maxHeaderBytes;

type Written = (error?: Error | null) => void;

/**
 * A connection on which what has come can be read although nothing more can be sent. A service that has said *413* and closed
 * does not take the rest of the upload: the kernel then answers a write with an error, and Node ends the connection over
 * it, with the answer that lies there unread.
 */
class ServiceSocket extends Socket {
  override _write(chunk: unknown, encoding: BufferEncoding, done: Written): void {
    super._write(chunk, encoding, this.#orUnsent(done));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Written): void {
    super._writev?.(chunks, this.#orUnsent(done));
  }

  /** After `unsent` there is nothing more to write; the end comes from reading. */
  #orUnsent(done: Written): Written {
    return (error) => {
      if (error === undefined || error === null) done();
      else this.emit('unsent', error);
    };
  }
}

class ServiceAgent extends Agent {
  override createConnection(options: unknown): Duplex {
    const all = options as TcpNetConnectOpts;
    return new ServiceSocket(all).connect(all);
  }
}

/** The connections to one service. */
export class ServiceConnections {
  readonly #target: URL;
  readonly #kept = new ServiceAgent({ keepAlive: true, maxFreeSockets: 8 });
  readonly #new = new ServiceAgent({ keepAlive: false });

  constructor(target: URL) {
    this.#target = target;
  }

  /**
   * Begins a request. A connection that was used before may be one that the service is just closing; `kept` is for requests
   * that may be sent once more then. Throws for a target or a header that HTTP/1.1 cannot carry.
   */
  send(request: { method: string; path: string; headers: Headers; kept: boolean }): ClientRequest {
    const { method, path, headers, kept } = request;
    // The absolute form (RFC 9112, 3.2.2) names a host of its own, which would go past the choice by host name.
    if (!path.startsWith('/') && path !== '*') throw new Problem('bad-request', 'ask for a path');
    const { hostname, port } = this.#target;
    return send({
      agent: kept ? this.#kept : this.#new,
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      method,
      path,
      headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
      maxHeaderSize: headLimitBytes,
    });
  }

  close(): void {
    this.#kept.destroy();
    this.#new.destroy();
  }
}
