import { chmod, rm } from 'node:fs/promises';
import { minutes } from '../../kit/runtime/clock.ts';
import { isReadOnly } from '../../kit/disk/place.ts';
import type { Health } from '../../kit/runtime/health.ts';
import { createHttpApp, type HttpApp } from '../../kit/http/http-server.ts';
import type { Log } from '../../kit/log/log.ts';
import type { Service } from '../../kit/runtime/service.ts';
import { controlSocket } from './socket-path.ts';

/**
 * Adds the calls of one part: JSON, validated and refused as everywhere (`Problem`, TypeBox). Who can call may do anything:
 * the socket lets in root and the box's own user, and nobody else. A route that takes more than JSON sets its own
 * `bodyLimit` and content type parser in a scope of its own (`app.register`).
 */
export type ControlRoutes = (app: HttpApp) => void | Promise<void>;

export interface ControlOptions {
  stateFolder: string;
  health: Health;
  log: Log;
}

export const controlLimits = {
  /** Of a call that sets no limit of its own. */
  bodyBytes: 65_536,
  /** Calls at one time; more are closed at once. */
  connections: 32,
  /** A whole body must have come by then: of an update this is much, from a card that is slow. */
  requestMs: minutes(10),
} as const;

/**
 * What `porchlight` on the same machine says to the running box: HTTP over the socket `control.sock` in the state folder. The
 * folder's mode (0700) and the socket's (0600) say who may; there is no other key.
 */
export class Control implements Service {
  readonly name = 'control';
  readonly #options: ControlOptions;
  readonly #routes: ControlRoutes[] = [];
  #open: { app: HttpApp; release: () => void } | undefined;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Before `start`. */
  add(routes: ControlRoutes): this {
    this.#routes.push(routes);
    return this;
  }

  async start(): Promise<void> {
    const { stateFolder, log } = this.#options;
    const { bodyBytes, connections, requestMs } = controlLimits;
    const app = createHttpApp({ log, bodyLimit: bodyBytes, requestTimeoutMs: requestMs });
    for (const routes of this.#routes) await app.register(async (scope) => routes(scope));
    app.server.maxConnections = connections;
    const { file, path, release } = controlSocket(stateFolder);
    this.#open = { app, release };
    if (isReadOnly(stateFolder)) {
      const message =
        'porchlight on this machine cannot ask the box: its state is read-only, and takes no socket';
      return this.#options.health.set(
        this.name,
        'warning',
        message,
        'mount the file system writable, and restart the box',
      );
    }
    // Of a box that was killed: the lock on the folder is ours, so nobody listens there.
    await rm(file, { force: true });
    await app.listen({ path });
    await chmod(file, 0o600);
  }

  async stop(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    // Node removes the socket's file.
    await open?.app.close();
    open?.release();
  }
}
