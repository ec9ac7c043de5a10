import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { SessionView } from '../../protocol/access-api.ts';
import { accessPaths } from '../../protocol/constants.ts';
import { type Api, createApi } from '../shared/api.ts';
import { createStore, type Store } from '../shared/store.ts';

/** What this page knows of its visit to the box, and how it asks the box. */
export interface Visit {
  readonly api: Api;
  /** `undefined` until the box has said who is here. */
  readonly session: Store<SessionView | undefined>;
  /** Why the box could not be asked. */
  readonly problem: Store<unknown>;
  /** Goes up when the state of the box has changed. */
  readonly stateChanges: Store<number>;
  /** The session ended without a word of the person's own. */
  readonly ended: Store<boolean>;
  /** Asks the box again who is here. */
  refresh: () => Promise<void>;
}

export function createVisit(options: { fetch?: typeof fetch } = {}): Visit {
  const session = createStore<SessionView | undefined>(undefined);
  const problem = createStore<unknown>(undefined);
  const ended = createStore(false);
  const refresh = async (): Promise<void> => {
    try {
      const before = session.value;
      const now = await api<SessionView>('/api/session');
      if (before?.stage === 'in' && now.stage === 'login') ended.set(true);
      session.set(now);
      problem.set(undefined);
    } catch (error) {
      problem.set(error);
    }
  };
  const api = createApi({
    ...options,
    csrf: () => session.value?.csrf ?? null,
    // Over, or begun anew in another tab: what this page believes of its session is old.
    onProblem: ({ code }) => {
      if (code === 'not-logged-in' || code === 'cross-site-request') void refresh();
    },
  });
  return { api, session, problem, ended, stateChanges: createStore(0), refresh };
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

/** For pages of those who are logged in. */
export function useSession(): SessionView {
  const session = useVisit().session.value;
  if (session === undefined) throw new Error('this component is drawn before the box has answered');
  return session;
}
