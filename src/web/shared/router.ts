import { useEffect, useState } from 'preact/hooks';

/** The name in a fragment of the form `#/people`; `undefined` when it is none of `names`. */
export function routeOf<Name extends string>(hash: string, names: readonly Name[]): Name | undefined {
  const wanted = /^#\/([a-z-]*)$/.exec(hash)?.[1];
  return names.find((name) => name === wanted);
}

export function hrefOf(name: string): string {
  return `#/${name}`;
}

/**
 * The page asked for by the fragment, if it is one of `names`. Routes are in the fragment because a server then needs to
 * know nothing of them.
 */
export function useRoute<Name extends string>(names: readonly Name[]): Name | undefined {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return routeOf(hash, names);
}
