import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { SessionView } from '../../protocol/access-api.ts';
import type { ApprovalsView } from '../../protocol/approvals-api.ts';
import { accessPaths } from '../../protocol/constants.ts';
import { type Api, createApi } from '../shared/api.ts';
import { createShared, type SharedValue } from '../shared/shared-value.ts';
import { createProof, type ProofAsked } from './proof.ts';

/** What this page knows of its visit to the box, and how it asks the box. */
export interface Visit {
  readonly api: Api;
  /** `undefined` until the box has said who is here. */
  readonly session: SharedValue<SessionView | undefined>;
  /** Why the box could not be asked. */
  readonly problem: SharedValue<unknown>;
  /** Goes up when the state of the box has changed. */
  readonly stateChanges: SharedValue<number>;
  /** who waits, and what was answered; of owners, once the box has said it. */
  readonly approvals: SharedValue<KnownApprovals | undefined>;
  /** The session ended without a word of the person's own. */
  readonly ended: SharedValue<boolean>;
  /** The box wants proof that it is still this person, before it does what was asked of it. */
  readonly proofAsked: SharedValue<ProofAsked | undefined>;
  /** Asks the box again who is here. */
  refresh: () => Promise<void>;
  /** Asks the box again who waits; nothing for those who are no owners. */
  loadApprovals: () => Promise<void>;
  signOut: () => Promise<void>;
}

/** `at`: when this page had it, by `performance.now()`. */
export type KnownApprovals = ApprovalsView & { at: number };

/** What this page believes of its visit is old: it began, ended or was started over elsewhere. */
const outdated = new Set([
  'not-logged-in',
  'cross-site-request',
  'not-claimed',
  'already-claimed',
  'storage-full',
  'storage-read-only',
  'storage-failed',
]);

export function createVisit(options: { fetch?: typeof fetch } = {}): Visit {
  const session = createShared<SessionView | undefined>(undefined);
  const problem = createShared<unknown>(undefined);
  const ended = createShared(false);
  let leaving = false;
  let asked = 0;
  const refresh = async (): Promise<void> => {
    const turn = ++asked;
    const before = session.value?.stage;
    try {
      const now = await api<SessionView>('/api/session');
      // Asked again meanwhile: that answer is younger.
      if (turn !== asked) return;
      if (now.stage === 'in') ended.set(false);
      else if (before === 'in' && !leaving) ended.set(true);
      session.set(now);
      problem.set(undefined);
    } catch (error) {
      if (turn === asked) problem.set(error);
    }
  };
  const approvals = createShared<KnownApprovals | undefined>(undefined);
  const loadApprovals = async (): Promise<void> => {
    if (session.value?.person?.role !== 'owner') return approvals.set(undefined);
    approvals.set({ ...(await api<ApprovalsView>('/api/approvals')), at: performance.now() });
  };
  const signOut = async (): Promise<void> => {
    // Before the call: the word that the session is over may come back by the socket first.
    leaving = true;
    try {
      await api('/api/logout', { method: 'POST' });
      await refresh();
    } finally {
      leaving = false;
    }
  };
  const { api, proofAsked } = createProof(
    createApi({
      ...options,
      csrf: () => session.value?.csrf ?? null,
      onProblem: ({ code }) => {
        if (outdated.has(code)) void refresh();
      },
    }),
  );
  return {
    api,
    session,
    problem,
    ended,
    stateChanges: createShared(0),
    approvals,
    proofAsked,
    refresh,
    loadApprovals,
    signOut,
  };
}

/** The page was asked for by an app, and stays what it is whatever the fragment says. */
export function isConnect(): boolean {
  return location.pathname.endsWith(accessPaths.connect);
}

export const VisitContext = createContext<Visit | undefined>(undefined);

export function useVisit(): Visit {
  const visit = useContext(VisitContext);
  if (visit === undefined) throw new Error('this component stands outside of the console');
  return visit;
}

/** For pages of those who are signed in. */
export function useSession(): SessionView {
  const session = useVisit().session.value;
  if (session === undefined) throw new Error('this component is drawn before the box has answered');
  return session;
}
