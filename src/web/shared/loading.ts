import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { isAbort } from '../../kit/runtime/errors.ts';

export interface Loaded<T> {
  /** `undefined` until the first answer. */
  value: T | undefined;
  /** Why the last try failed; the value of before stays. */
  problem: unknown;
  again: () => void;
  /** For a call that answered the new value itself. */
  set: (value: T) => void;
}

/** Loads once when the component appears, and whenever `again` is called; aborted when it goes. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [value, set] = useState<T>();
  const [problem, setProblem] = useState<unknown>();
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const controller = new AbortController();
    const run = async (): Promise<void> => {
      try {
        const loaded = await latest.current(controller.signal);
        set(() => loaded);
        setProblem(undefined);
      } catch (error) {
        if (!isAbort(error)) setProblem(error);
      }
    };
    void run();
    return () => controller.abort();
  }, [round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { value, problem, again, set };
}
