import { abortable } from '../kit/runtime/abortable.ts';
import { codeOf, Problem } from '../kit/runtime/errors.ts';
import type { RememberedBox, RememberedBoxes, Tokens } from './remembered.ts';
import type { Runtime } from './runtime.ts';
import type { TokenAnswer } from './token-answer.ts';

export interface TokenKeeperOptions {
  box: RememberedBox;
  boxes: RememberedBoxes;
  /** Calls the box's token endpoint (RFC 6749, 6). */
  exchange: (form: Record<string, string>) => Promise<TokenAnswer>;
  onRenewed: (answer: TokenAnswer) => void;
  /** The session is over. */
  onEnded: () => void;
  runtime: Runtime;
}

/** A token that ends sooner than this is as good as none: it has a way to go. */
const marginMs = 20_000;

/**
 * The tokens of one box. A refresh token works once, and using it twice ends the session (RFC 9700, 4.14): so one renewal
 * at a time, in all tabs of the app, and whoever waited looks first whether another has renewed.
 */
export class TokenKeeper {
  readonly #options: TokenKeeperOptions;
  #tokens: Tokens | null;
  #renewing: Promise<string> | undefined;

  constructor(options: TokenKeeperOptions) {
    this.#options = options;
    this.#tokens = options.box.tokens;
  }

  /** An access token that still works for a while. Throws `logged-out`, and what the token endpoint fails with. */
  async access(signal: AbortSignal): Promise<string> {
    if (this.#tokens !== null && this.#isFresh(this.#tokens)) return this.#tokens.access;
    return this.renewed(this.#tokens?.access ?? '', signal);
  }

  /** Another access token than the one the box has refused. */
  async renewed(refused: string, signal: AbortSignal): Promise<string> {
    if (this.#tokens !== null && this.#tokens.access !== refused && this.#isFresh(this.#tokens))
      return this.#tokens.access;
    const { runtime, box } = this.#options;
    this.#renewing ??= runtime
      .exclusive(`tokens:${box.id}`, () => this.#renew(refused))
      .finally(() => (this.#renewing = undefined));
    return abortable(this.#renewing, signal);
  }

  /** A new access token, as it came over the events socket. */
  async take(access: string, seconds: number): Promise<void> {
    const accessEndsAt = this.#options.runtime.clock.now() + seconds * 1000;
    // Another tab may have renewed: of its tokens only the access token is replaced.
    const taken = (tokens: Tokens | null): Tokens | null => tokens && { ...tokens, access, accessEndsAt };
    this.#tokens = taken(this.#tokens);
    await this.#change(taken);
  }

  /** The session is over: nothing of it is kept. */
  async end(): Promise<void> {
    const mine = this.#tokens;
    if (mine === null) return;
    this.#tokens = null;
    try {
      // In another tab the person may have connected again: that is another session.
      await this.#change((stored) => (stored?.refresh === mine.refresh ? null : stored));
    } finally {
      this.#options.onEnded();
    }
  }

  get refreshToken(): string | undefined {
    return this.#tokens?.refresh;
  }

  async #renew(refused: string): Promise<string> {
    const { boxes, box, exchange, onRenewed } = this.#options;
    const tokens = (await boxes.get(box.id))?.tokens ?? null;
    if (tokens === null || this.#tokens === null) {
      await this.end();
      throw signedOut();
    }
    this.#tokens = tokens;
    if (tokens.access !== refused && this.#isFresh(tokens)) return tokens.access;
    try {
      const answer = await exchange({ grant_type: 'refresh_token', refresh_token: tokens.refresh });
      this.#tokens = answer.tokens;
      await this.#change(() => answer.tokens);
      onRenewed(answer);
      return answer.tokens.access;
    } catch (error) {
      if (!refusals.has(codeOf(error))) throw error;
      await this.end();
      throw signedOut();
    }
  }

  async #change(change: (tokens: Tokens | null) => Tokens | null): Promise<void> {
    const { boxes, box } = this.#options;
    await boxes.change(box.id, (stored) => ({ ...stored, tokens: change(stored.tokens) }));
  }

  #isFresh(tokens: Tokens): boolean {
    return tokens.accessEndsAt - marginMs > this.#options.runtime.clock.now();
  }
}

const refusals = new Set(['invalid-grant', 'invalid-client', 'not-logged-in']);

const signedOut = (): Problem =>
  new Problem('logged-out', 'the box has ended this session: connect again', {
    status: 401,
    retryable: false,
  });
