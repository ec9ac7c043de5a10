import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpApp } from '../../kit/http/http-server.ts';
import type { Service } from '../../kit/runtime/service.ts';

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** How somebody signs in, beside the pages: it ends in a session of the tree, and says what that session may open. */
export interface AuthMethod extends Service {
  /** Adds its calls to the box's own application; each says who may call it (see `guard.ts`). */
  routes?(app: HttpApp): void | Promise<void>;
  /** WebSockets, by path. */
  readonly upgrades?: ReadonlyMap<string, Upgrade>;
  /** Forgets what is over. */
  sweep?(): void;
}
