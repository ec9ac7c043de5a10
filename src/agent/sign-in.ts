import { type Clock, hours } from '../kit/runtime/clock.ts';
import { Problem } from '../kit/runtime/errors.ts';
import type { Log } from '../kit/log/log.ts';
import type { Alive, ExchangeRequest, Handshake, SessionSignInAnswer } from '../protocol/agent-api.ts';
import { protocolVersion } from '../protocol/version.ts';
import { Challenges } from './challenges.ts';
import type { PairedBox, PairedBoxes } from './paired-box.ts';
import { checkSignature } from './signature.ts';

export interface SignInOptions {
  boxes: PairedBoxes;
  /** Pages of these origins and no others; empty: of those that the box lists for its apps. */
  origins: readonly string[];
  /** Of this computer, as people know it. */
  deviceName: string;
  platform: string;
  /** How long a page is signed in. */
  pageHours: number;
  /** The person at the computer: `allows` resolves to whether the page may; `tell` says what was done. Neither throws. */
  person: { allows(what: Asked, signal: AbortSignal): Promise<boolean>; tell(what: Asked): void };
  clock: Clock;
  log: Log;
}

/** Which page is to be signed in to which box. */
export interface Asked {
  origin: string;
  boxName: string;
}

/** What a page may ask of an agent, however it asks. */
export class SignIn {
  readonly #options: SignInOptions;
  readonly #challenges: Challenges;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#challenges = new Challenges(options);
  }

  /** Whether a page of this origin is told anything at all. */
  async isAllowed(origin: string): Promise<boolean> {
    if (this.#boxesFor(origin).length > 0) return true;
    // An owner may have put the app on the list a moment ago.
    await Promise.all(this.#options.boxes.all().map((box) => box.refresh()));
    return this.#boxesFor(origin).length > 0;
  }

  handshake(origin: string): Handshake {
    const boxes = this.#boxesFor(origin).map(({ id, name }) => ({ id, name }));
    return { agent: 'porchlight', protocol: protocolVersion, boxes };
  }

  /** Throws `not-paired`, `rate-limited`. */
  alive(origin: string, boxId: string | undefined): Alive {
    const box = this.#boxesFor(origin).find(({ id }) => boxId === undefined || id === boxId);
    if (box?.view === undefined) throw notPaired();
    const challenge = this.#challenges.issue({ sessionId: box.view.sessionId, origin });
    this.#options.log.info('Received /alive');
    return { status: 'ok', challenge };
  }

  /**
   * The session of a page, for a challenge that the box signed. Throws `challenge-unknown`, `not-paired`, `signature-wrong`,
   * `clocks-differ`, `sign-in-declined`, and what the box answers.
   */
  async exchange(
    origin: string,
    request: ExchangeRequest,
    signal: AbortSignal,
  ): Promise<SessionSignInAnswer> {
    const { person, clock, log, deviceName, platform, pageHours } = this.#options;
    try {
      const { sessionId, origin: askedBy } = this.#challenges.take(request.challenge);
      const box = this.#boxesFor(origin).find(({ view }) => view?.sessionId === sessionId);
      if (box?.view === undefined || askedBy !== origin) throw notPaired();
      checkSignature({ ...request, boxId: box.id, origin }, box.view.certificate, clock.now());
      log.info('Verified challenge');
      const asked = { origin, boxName: box.name };
      if (!(await person.allows(asked, signal))) throw declined();
      const { deviceId } = request;
      const expiredAt = clock.now() + hours(pageHours);
      const answer = await box.signIn({ deviceId, deviceName, platform, expiredAt, origin }, signal);
      log.info('Sent credentials to web');
      person.tell(asked);
      return answer;
    } catch (error) {
      log.warn({ err: error }, 'a page was not signed in');
      throw error;
    }
  }

  #boxesFor(origin: string): PairedBox[] {
    const { boxes, origins } = this.#options;
    if (origins.length > 0 && !origins.includes(origin)) return [];
    return boxes.all().filter(({ view }) => view?.origins.includes(origin));
  }
}

const notPaired = (): Problem =>
  new Problem(
    'not-paired',
    'this agent is not paired with that box, or no longer: porchlight agent pair on this computer',
    { status: 404 },
  );

const declined = (): Problem =>
  new Problem('sign-in-declined', 'the person at this computer did not allow it', { status: 403 });
