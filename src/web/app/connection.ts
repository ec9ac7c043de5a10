import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { BoxConnection, type ConnectionState, type RememberedBox } from '../../client/index.ts';
import { isAbort } from '../../kit/runtime/errors.ts';
import { problemOf } from '../shared/api.ts';
import { type BoxState, boxStateOf } from './box-state.ts';
import { agreeToHome, askBrowserForHome, type HomeAccess, homeAccess, useApp } from './context.ts';

export interface Connected {
  connection: ConnectionState;
  /** As the box told it last; `undefined` until then. */
  state: BoxState | undefined;
  problem: unknown;
  /** Whether this page may talk to the home network; `undefined` until that is known. */
  home: HomeAccess | undefined;
  /** The person agrees to that. */
  allowHome: () => Promise<void>;
  signOut: () => Promise<void>;
}

const looking: ConnectionState = { phase: 'looking', endpoint: undefined };

/** One open connection to the box as long as the component lives, and the box's state as it changes. */
export function useConnection(box: RememberedBox): Connected {
  const app = useApp();
  const live = useRef<BoxConnection>(undefined);
  const [connection, setConnection] = useState(looking);
  const [state, setState] = useState<BoxState>();
  const [problem, setProblem] = useState<unknown>();
  const [home, setHome] = useState<HomeAccess>();

  const load = async (opened: BoxConnection, signal: AbortSignal): Promise<void> => {
    try {
      setState(await loadState(opened, signal));
      setProblem(undefined);
    } catch (error) {
      // What the way has to do with is told by the connection.
      if (!isAbort(error) && opened.state.value.phase === 'connected') setProblem(error);
    }
  };
  const open = (localAllowed: boolean, signal: AbortSignal): BoxConnection => {
    const { boxes, cloud } = app;
    const opened = new BoxConnection({ box, boxes, localAllowed, registration: cloud.registration });
    opened.state.subscribe((next) => {
      setConnection(next);
      if (next.phase === 'connected') void load(opened, signal);
    });
    opened.onEvent(({ type }) => {
      if (type === 'state') void load(opened, signal);
    });
    addEventListener('online', () => opened.networkChanged(), { signal });
    signal.addEventListener('abort', () => void opened.close(), { once: true });
    opened.start();
    // The first request is also the first look for a way.
    void load(opened, signal);
    return opened;
  };

  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    void (async () => {
      const access = await homeAccess(app);
      if (signal.aborted) return;
      setHome(access);
      const opened = open(access === 'yes', signal);
      live.current = opened;
      setConnection(opened.state.value);
    })();
    return () => ended.abort();
  }, [box.id, app]);

  const allowHome = useCallback(async () => {
    await agreeToHome(app);
    await askBrowserForHome(box.ways.main);
    const access = await homeAccess(app);
    setHome(access);
    live.current?.allowLocal(access === 'yes');
  }, [app, box.ways.main]);
  const signOut = useCallback(async () => live.current?.signOut(), []);
  return { connection, state, problem, home, allowHome, signOut };
}

async function loadState(connection: BoxConnection, signal: AbortSignal): Promise<BoxState> {
  const response = await connection.fetch('/api/state', { signal });
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw problemOf(response.status, answer);
  const through = connection.state.value.endpoint === 'tunnel' ? 'tunnel' : 'home';
  return boxStateOf(answer, through, Date.now());
}
