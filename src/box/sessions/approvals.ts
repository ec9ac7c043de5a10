import { randomUUID } from 'node:crypto';
import { type Clock, days, seconds } from '../../kit/runtime/clock.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { type Fact, OwnedFact } from '../../kit/runtime/fact.ts';
import { FairShares } from '../../kit/http/fair-shares.ts';
import { shortName } from '../../kit/runtime/text.ts';
import { isHomeAddress } from '../../protocol/addresses.ts';
import {
  type ApprovalKind,
  approvalLimits,
  type ApprovalsView,
  type PendingApproval,
  type RememberedAnswer,
} from '../../protocol/approvals-api.ts';
import type { Audit } from './audit.ts';
import type { Person } from './people.ts';
import { newHumanCode, secretHash } from './secrets.ts';
import type { Session, Sessions } from './sessions.ts';
import { type AccessStore, type Row, textOrNull } from './store.ts';
import { clientKeyOf } from '../visitor.ts';

/** Who asks to be let in. */
export interface Asking {
  kind: ApprovalKind;
  /** What it is known by from now on (a client id, a key's fingerprint); kept as a hash. */
  subject: string;
  /** What it calls itself. */
  label: string;
  address: string;
}

export type Answer = { allowed: true; session: Session } | { allowed: false };

interface Question {
  shown: PendingApproval;
  subject: string;
  waiters: number;
  answer: PromiseWithResolvers<Answer | 'expired'>;
}

/** A session that a yes made ends when it was not used for so long: who comes back then is asked about again. */
const idleMs = days(90);

/**
 * The one list of those who wait for an answer. A yes makes a session and is remembered as long as that session lives; a no is
 * remembered until an owner forgets it.
 */
export class Approvals {
  readonly #store: AccessStore;
  readonly #sessions: Sessions;
  readonly #audit: Audit;
  readonly #clock: Clock;
  readonly #questions = new Map<string, Question>();
  /** The places of questions, of the home and of elsewhere apart: strangers outside cannot push aside who asks at home. */
  readonly #places = { home: this.#placesOf(), elsewhere: this.#placesOf() };
  readonly #pending = new OwnedFact<readonly PendingApproval[]>([]);
  readonly #stopped = new AbortController();

  constructor(options: { store: AccessStore; sessions: Sessions; audit: Audit; clock: Clock }) {
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#audit = options.audit;
    this.#clock = options.clock;
  }

  /** The questions that wait for an owner, the oldest first. */
  get pending(): Fact<readonly PendingApproval[]> {
    return this.#pending;
  }

  stop(): void {
    this.#stopped.abort();
    for (const id of this.#questions.keys()) this.#close(id, 'expired');
  }

  /** What was answered about `subject` before; `undefined`: nothing, or the session that a yes made is over. */
  answerFor(kind: ApprovalKind, subject: string): Answer | undefined {
    const row = this.#store.get('SELECT * FROM approval WHERE kind = :kind AND subject = :hash', {
      kind,
      hash: secretHash(kind, subject),
    });
    if (row === undefined) return undefined;
    const sessionId = textOrNull(row['session_id']);
    if (sessionId === null) return { allowed: false };
    const session = this.#sessions.find(sessionId);
    return session && { allowed: true, session };
  }

  /**
   * Asks an owner, once for the same subject however often this is called, and waits `waitMs` for the answer. `pending`: ask
   * again, with the same subject. `expired`: two minutes went by. Throws `rate-limited`.
   */
  async ask(
    asking: Asking,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ answer: Answer | 'pending' | 'expired'; code: string }> {
    const known = this.answerFor(asking.kind, asking.subject);
    if (known !== undefined) return { answer: known, code: '' };
    const question = this.#find(asking) ?? this.#open(asking);
    const { code } = question.shown;
    const full = question.waiters >= approvalLimits.waitersPerQuestion;
    if (full || waitMs <= 0) return { answer: 'pending', code };
    question.waiters += 1;
    const done = new AbortController();
    const wait = this.#clock.sleep(waitMs, AbortSignal.any([signal, done.signal])).then(
      () => 'pending' as const,
      () => 'pending' as const,
    );
    try {
      return { answer: await Promise.race([question.answer.promise, wait]), code };
    } finally {
      done.abort();
      question.waiters -= 1;
    }
  }

  /** An owner answers. Throws `not-found` when the question is over. */
  decide(id: string, allow: boolean, by: Pick<Person, 'id' | 'name'>, address: string | null): void {
    const question = this.#questions.get(id);
    if (question === undefined) throw unknownApproval();
    const { kind, label } = question.shown;
    const answer = this.#store.transaction(() => {
      // An answer whose session has expired is in the way of the next one.
      this.#store.run('DELETE FROM approval WHERE kind = :kind AND subject = :subject', {
        kind,
        subject: question.subject,
      });
      const made: Answer = allow
        ? { allowed: true, session: this.#newSession(question, by) }
        : { allowed: false };
      this.#store.run('INSERT INTO approval VALUES (:id, :kind, :subject, :label, :sessionId, :by, :now)', {
        id,
        kind,
        subject: question.subject,
        label,
        sessionId: made.allowed ? made.session.id : null,
        by: by.name,
        now: this.#clock.now(),
      });
      this.#audit.record({
        action: allow ? 'approval-allowed' : 'approval-refused',
        who: by.name,
        what: label,
        address,
      });
      return made;
    });
    this.#close(id, answer);
  }

  view(): ApprovalsView {
    return { now: this.#clock.now(), pending: [...this.pending.value], remembered: this.remembered() };
  }

  /** What was answered before, the youngest first. */
  remembered(): RememberedAnswer[] {
    return this.#store.all('SELECT * FROM approval ORDER BY decided_at DESC, id').map(fromRow);
  }

  /** Who asks again is asked about again; a yes ends with its session. Throws `not-found`. */
  forget(id: string, by: string, address: string | null): void {
    const row = this.#store.get('SELECT * FROM approval WHERE id = :id', { id });
    if (row === undefined) throw unknownApproval();
    const { sessionId, label } = fromRow(row);
    this.#audit.commit({ action: 'approval-forgotten', who: by, what: label, address }, () => {
      if (sessionId !== null)
        this.#sessions.end(sessionId, address === null ? { who: by } : { who: by, address });
      this.#store.run('DELETE FROM approval WHERE id = :id', { id });
    });
  }

  #newSession({ shown }: Question, by: Pick<Person, 'id'>): Session {
    const { kind, label, address } = shown;
    return this.#sessions.create({ parentId: null, personId: by.id, kind, label, address, idleMs });
  }

  #find({ kind, subject }: Asking): Question | undefined {
    const hash = secretHash(kind, subject);
    return [...this.#questions.values()].find(
      (question) => question.shown.kind === kind && question.subject === hash,
    );
  }

  #open(asking: Asking): Question {
    const home = clientKeyOf(asking.address);
    const places = this.#places[isHomeAddress(asking.address) ? 'home' : 'elsewhere'];
    if (places.of(home) >= approvalLimits.pendingPerAddress) throw tooMany();
    const now = this.#clock.now();
    const waitMs = seconds(approvalLimits.waitSeconds);
    const label = shortName(asking.label, approvalLimits.labelMax) || asking.kind;
    const question: Question = {
      shown: {
        id: randomUUID(),
        kind: asking.kind,
        label,
        code: newHumanCode(1),
        address: asking.address,
        askedAt: now,
        endsAt: now + waitMs,
      },
      subject: secretHash(asking.kind, asking.subject),
      waiters: 0,
      answer: Promise.withResolvers(),
    };
    this.#questions.set(question.shown.id, question);
    places.add(question.shown.id, home);
    this.#publish();
    this.#audit.note({ action: 'approval-asked', who: label, address: asking.address });
    void this.#expire(question, waitMs);
    return question;
  }

  async #expire({ shown }: Question, waitMs: number): Promise<void> {
    try {
      await this.#clock.sleep(waitMs, this.#stopped.signal);
    } catch {
      return;
    }
    this.#close(shown.id, 'expired');
  }

  #close(id: string, answer: Answer | 'expired'): void {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    for (const places of [this.#places.home, this.#places.elsewhere]) places.remove(id);
    this.#publish();
    question?.answer.resolve(answer);
  }

  #placesOf(): FairShares<string> {
    return new FairShares({ most: approvalLimits.pending, onLost: (id) => this.#close(id, 'expired') });
  }

  #publish(): void {
    this.#pending.set([...this.#questions.values()].map(({ shown }) => shown));
  }
}

function fromRow(row: Row): RememberedAnswer {
  const sessionId = textOrNull(row['session_id']);
  return {
    id: String(row['id']),
    kind: String(row['kind']) as ApprovalKind,
    label: String(row['label']),
    allowed: sessionId !== null,
    sessionId,
    decidedBy: String(row['decided_by']),
    decidedAt: Number(row['decided_at']),
  };
}

const tooMany = (): Problem =>
  new Problem('rate-limited', 'too many questions wait for the owner of the box; try again in a minute', {
    status: 429,
    retryAfterSeconds: 60,
  });

const unknownApproval = (): Problem =>
  new Problem('not-found', 'there is no such question or answer; it may be over', { status: 404 });

/** For those who would ask. */
export const notClaimed = (): Problem =>
  new Problem('not-claimed', 'the box has no owner yet who could be asked; open its page and set it up', {
    status: 409,
  });

/** For those who waited. */
export const approvalExpired = (): Problem =>
  new Problem('approval-expired', 'no owner of the box answered in time; ask again when one is there', {
    status: 410,
  });
