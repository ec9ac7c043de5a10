import { Problem } from '../../kit/runtime/errors.ts';
import { problemOf } from '../shared/api.ts';

/** Where the cloud of this app is: what its server says in `config.json`. */
export interface Cloud {
  /** Origin of the registration-server. */
  registration: string;
  zoneRoot: string;
}

export async function loadCloud(signal: AbortSignal): Promise<Cloud> {
  const response = await fetch('./config.json', { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new Problem('offline', 'the app’s own server cannot be reached', { cause: error });
  });
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw problemOf(response.status, answer);
  const { registration, zoneRoot } = (answer ?? {}) as Partial<Record<keyof Cloud, unknown>>;
  if (
    typeof registration === 'string' &&
    /^https:\/\/[^/]+$/.test(registration) &&
    typeof zoneRoot === 'string'
  )
    return { registration, zoneRoot };
  throw new Problem('bad-answer', 'config.json does not say where the cloud is');
}

/**
 * The page came from the internet: browsers then ask the person before it may speak to the home network, and so do we. A
 * page of this machine or of the home network is exempt. When in doubt it is public.
 */
export function isPublicPage(hostname: string): boolean {
  return !/^(localhost|.+\.localhost|.+\.local|127(\.\d+){3}|10(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2}|\[::1\]|\[f[cd].+\])$/.test(
    hostname,
  );
}
