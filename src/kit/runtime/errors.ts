/**
 * Every error that leaves a part is a `Problem`: a stable `code` for programs, a `message` for people that says what
 * was wrong, with which input, and what to do, and for the retry engine whether trying again can help.
 */

export interface ProblemOptions {
  /** HTTP status when the problem crosses an HTTP boundary; 500 when absent. */
  status?: number;
  /** The peer (or we) said: not before this many seconds. Becomes `Retry-After`. */
  retryAfterSeconds?: number;
  /** `false`: trying the same thing again cannot succeed. Default `true`. */
  retryable?: boolean;
  /** What was wrong, as data: the offending field, value, port. Never a secret. */
  details?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: ProblemOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 500;
    this.retryable = options.retryable ?? true;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.details = options.details ?? {};
  }

  /** The shape every HTTP boundary answers with. */
  toJSON(): { code: string; message: string } & Record<string, unknown> {
    return {
      ...this.details,
      ...(this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }),
      code: this.code,
      message: this.message,
    };
  }
}

/** The code of any thrown value: a `Problem`'s, a Node system error's (`ECONNREFUSED`), or `unexpected`. */
export function codeOf(error: unknown): string {
  if (error instanceof Problem) return error.code;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return 'unexpected';
}

/** The sentence of any thrown value. Node leaves the message of an `AggregateError` (all addresses failed) empty. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** True for what `signal.throwIfAborted()` and aborted Node calls throw. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || codeOf(error) === 'ABORT_ERR');
}
