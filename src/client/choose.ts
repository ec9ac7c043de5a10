import { type DiscoverOptions, boxOf, type FoundBox, parsed } from './discover.ts';

/**
 * Where to send the top window when `discover` is refused with `origin-not-listed`: a page of the registration-server, where
 * the person chooses a box, and which comes back to `returnTo`.
 */
export function chooseUrl({ registration }: Pick<DiscoverOptions, 'registration'>, returnTo: string): string {
  const url = new URL('/choose', registration);
  url.searchParams.set('return_to', returnTo);
  return url.href;
}

/** The box that the person chose, from the fragment they came back with (`location.hash`); its name is its short id. */
export function chosenBox(hash: string, zoneRoot?: string): FoundBox | undefined {
  const text = /^#box=([\w-]{1,8192})$/.exec(hash)?.[1];
  if (text === undefined) return undefined;
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.codePointAt(0) ?? 0);
    return boxOf(parsed(new TextDecoder().decode(bytes)), zoneRoot);
  } catch {
    return undefined;
  }
}
