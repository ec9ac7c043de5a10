import type { StateView } from '../../protocol/access-api.ts';
import { daysUntil } from '../shared/format.ts';

/** What the page shows of a box's state. */
export interface BoxState {
  /** Not as it should be. */
  troubles: readonly {
    name: string;
    severity: 'warning' | 'error';
    message: string;
    remedy: string | undefined;
  }[];
  certificateDays: number | undefined;
  tunnel: 'on' | 'off' | 'waits';
  services: readonly { label: string; url: string }[];
  /** The box's own page, under the name by which this page reaches the box. */
  consoleUrl: string | undefined;
}

const most = 50;

/**
 * The answer of `GET /api/state`, as far as it is what was agreed: a box of another version may say more or less. Only
 * links to HTTPS pages are links.
 */
export function boxStateOf(answer: unknown, through: 'home' | 'tunnel', now: number): BoxState {
  const { conditions, certificate, tunnel, services, ways } = (answer ?? {}) as Partial<StateView>;
  const phase = tunnel?.phase;
  const kinds: readonly string[] = through === 'tunnel' ? ['tunnel'] : ['main', 'address', 'mirror'];
  return {
    troubles: listOf(conditions).flatMap(({ name, severity, message, remedy }) =>
      (severity === 'warning' || severity === 'error') &&
      typeof name === 'string' &&
      typeof message === 'string'
        ? [{ name, severity, message, remedy: typeof remedy === 'string' ? remedy : undefined }]
        : [],
    ),
    certificateDays:
      typeof certificate?.notAfter === 'number'
        ? Math.max(0, daysUntil(certificate.notAfter, now))
        : undefined,
    tunnel: phase === 'connected' ? 'on' : phase === 'off' || phase === undefined ? 'off' : 'waits',
    services: listOf(services).flatMap(({ label, url }) =>
      typeof label === 'string' && isHttps(url) ? [{ label, url }] : [],
    ),
    consoleUrl: listOf(ways).flatMap(({ kind, url }) =>
      kind !== undefined && kinds.includes(kind) && isHttps(url) ? [url] : [],
    )[0],
  };
}

function listOf<T>(value: readonly T[] | undefined): Partial<T>[] {
  return Array.isArray(value)
    ? value.slice(0, most).filter((item) => typeof item === 'object' && item !== null)
    : [];
}

function isHttps(url: unknown): url is string {
  return typeof url === 'string' && URL.canParse(url) && new URL(url).protocol === 'https:';
}
