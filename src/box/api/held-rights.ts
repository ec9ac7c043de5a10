import { type Duplex, PassThrough, type Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { seconds } from '../../kit/runtime/clock.ts';
import type { HttpApp } from '../../kit/http/http-server.ts';
import { type Guard, safeMethods } from './guard.ts';
import { notSignedIn, type Sessions } from '../sessions/sessions.ts';

/** Who is cut off has so long to read why; then the connection ends, and with it what they still send. */
const graceMs = seconds(1);

/**
 * What a request may do is decided when its head is read, and the session can be over before the rest of it is here. So the
 * right is looked at again when the whole request is here, in one go with the handler's first step; a handler that waits for
 * something before it changes anything calls `guard.still` where it changes it. A body that is on its way when its session
 * ends is cut off there and then.
 */
export class HeldRights {
  readonly #guard: Guard;
  readonly #sessions: Sessions;
  /** Bodies on their way, each with the session that sends it. */
  readonly #bodies = new Map<() => void, string>();
  #unsubscribe: (() => void) | undefined;

  constructor(options: { guard: Guard; sessions: Sessions }) {
    this.#guard = options.guard;
    this.#sessions = options.sessions;
  }

  start(): void {
    this.#unsubscribe = this.#sessions.onEnded((ended) => {
      const over = new Set(ended);
      for (const [cut, sessionId] of this.#bodies) if (over.has(sessionId)) cut();
    });
  }

  stop(): void {
    this.#unsubscribe?.();
  }

  /** To be added behind the hook that admits requests, and before any that looks at bodies. */
  hooks(app: HttpApp): void {
    app.addHook('preParsing', (request, reply, payload, done) => {
      const session = safeMethods.has(request.method) ? undefined : this.#guard.admitted(request);
      done(null, session === undefined ? payload : this.#follow(session.id, request, reply));
    });
    // Not async: nothing comes in between this look and the handler.
    app.addHook('preHandler', (request, _reply, done) => {
      try {
        if (this.#guard.admitted(request) !== undefined) this.#guard.still(request);
        done();
      } catch (error) {
        done(error as Error);
      }
    });
  }

  #follow(sessionId: string, { raw }: FastifyRequest, reply: FastifyReply): Readable {
    const body = new PassThrough();
    // A call without a body (signing out) reads nothing, and so hears of no error: it must not be the end of the box.
    body.on('error', () => undefined);
    const cut = (): void => {
      forget();
      // Here already, if not read: the look behind it is enough.
      if (raw.complete) return;
      raw.unpipe(body);
      raw.resume();
      body.destroy(notSignedIn());
      endAfterAnswer(raw, reply.raw);
    };
    const forget = (): void => void this.#bodies.delete(cut);
    this.#bodies.set(cut, sessionId);
    raw.once('end', forget);
    raw.once('error', (error) => body.destroy(error));
    raw.once('close', () => {
      forget();
      if (!raw.readableEnded) body.destroy(new Error('the connection ended before the request did'));
    });
    return raw.pipe(body);
  }
}

/** Not at once: an answer that is still under way would be lost with the connection (RFC 9112, 9.6). */
function endAfterAnswer(raw: FastifyRequest['raw'], answer: FastifyReply['raw']): void {
  // A request of HTTP/2 is one stream of many, and its answer says *finish* no sooner than that stream is closed.
  const { stream } = raw as { stream?: Duplex };
  (stream ?? answer).once('finish', () => {
    const timer = setTimeout(() => {
      if (!raw.readableEnded) (stream ?? raw).destroy();
    }, graceMs);
    raw.once('close', () => clearTimeout(timer));
  });
}
