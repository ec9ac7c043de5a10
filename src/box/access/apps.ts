import { Problem } from '../../kit/errors.ts';
import type { AppList } from '../../protocol/access-api.ts';
import { agentClient } from '../../protocol/constants.ts';
import type { AccessStore } from './store.ts';

export type App = AppList['apps'][number];

/**
 * An app of which only the address it is returned to is known: its origin is its name, and who it is. Throws
 * `redirect-malformed`.
 */
export function appAt(redirectUri: string): App {
  if (!isRedirectUri(redirectUri)) throw malformed(redirectUri);
  const { origin, host } = new URL(redirectUri);
  return { clientId: origin, name: host, redirectUris: [redirectUri] };
}

const setting = 'apps';

/** Knocks at every box, whatever is on its list: a program has no page that a list could keep out. */
const agent: App = {
  clientId: agentClient.clientId,
  name: agentClient.name,
  redirectUris: [agentClient.redirectUri],
};

/** Who may ask to connect: the owner's list, and until there is one, the list the box was configured with. */
export class Apps {
  readonly #store: AccessStore;
  readonly #configured: readonly App[];
  #list: readonly App[] = [];

  constructor(options: { store: AccessStore; configured: readonly App[] }) {
    this.#store = options.store;
    this.#configured = options.configured;
  }

  open(): void {
    const row = this.#store.get('SELECT value FROM setting WHERE name = :setting', { setting });
    this.#list = row === undefined ? this.#configured : (JSON.parse(String(row['value'])) as App[]);
  }

  get all(): readonly App[] {
    return this.#list;
  }

  /** Throws `redirect-malformed`, which names the address. */
  replace(list: readonly App[]): void {
    const uris = list.flatMap((app) => app.redirectUris);
    const bad = uris.find((uri) => !isRedirectUri(uri));
    if (bad !== undefined) throw malformed(bad);
    if (new Set([...list, agent].map((app) => app.clientId)).size <= list.length)
      throw new Problem('bad-request', 'each app stands on the list once', { status: 400 });
    const value = JSON.stringify(list);
    this.#store.run('INSERT OR REPLACE INTO setting VALUES (:setting, :value)', { setting, value });
    this.#list = list;
  }

  /** Those that an owner put there, or changed: not as the box was configured. */
  get added(): readonly App[] {
    return this.#list.filter((app) => !this.#configured.some((own) => isSame(own, app)));
  }

  /** As the box was configured, for this app: it is gone, or what it was. */
  revert(clientId: string): void {
    const own = this.#configured.filter((app) => app.clientId === clientId);
    this.replace(this.#list.flatMap((app) => (app.clientId === clientId ? own : [app])));
  }

  /** Exactly as it stands on the list, character by character (RFC 9700, 4.1.3), but for the port of a program. */
  find(clientId: unknown, redirectUri: unknown): App | undefined {
    const app = this.named(clientId);
    return app?.redirectUris.some((uri) => uri === redirectUri || uri === ofAnyPort(redirectUri))
      ? app
      : undefined;
  }

  named(clientId: unknown): App | undefined {
    return [...this.#list, agent].find((app) => app.clientId === clientId);
  }

  /** The app whose scripts have this origin: they may call the box with a token of the app's. */
  at(origin: string): App | undefined {
    return this.#list.find((app) => app.redirectUris.some((uri) => new URL(uri).origin === origin));
  }

  isOrigin(origin: string): boolean {
    return this.at(origin) !== undefined;
  }

  /** Those of all apps on the list. */
  get origins(): string[] {
    const uris = this.#list.flatMap((app) => app.redirectUris);
    return [...new Set(uris.map((uri) => new URL(uri).origin))];
  }
}

const isSame = (a: App, b: App): boolean =>
  a.clientId === b.clientId && a.redirectUris.join(' ') === b.redirectUris.join(' ');

/**
 * RFC 8252, 7.3: a program on the person's computer is returned to whatever port it got there, under the address (not the
 * name, 8.3) of loopback. On the list it stands without a port.
 */
function ofAnyPort(redirectUri: unknown): string | undefined {
  const [, host, rest] =
    /^(http:\/\/(?:127\.0\.0\.1|\[::1\])):[1-9]\d{0,4}(\/.*)$/.exec(String(redirectUri)) ?? [];
  return host === undefined || !URL.canParse(String(redirectUri)) ? undefined : `${host}${rest}`;
}

function malformed(redirectUri: string): Problem {
  const message = `${JSON.stringify(redirectUri)} cannot be returned to: give an https address without user and fragment, or http on this computer (127.0.0.1)`;
  return new Problem('redirect-malformed', message, {
    status: 422,
    retryable: false,
    details: { redirectUri },
  });
}

/** RFC 9700, 2.6: TLS, except on loopback; RFC 6749, 3.1.2: no fragment; RFC 3986, 2: ASCII. */
function isRedirectUri(uri: string): boolean {
  if (!URL.canParse(uri) || !/^[!-~]+$/.test(uri) || /[#\\]/.test(uri)) return false;
  const { protocol, hostname, username, password } = new URL(uri);
  if (username !== '' || password !== '') return false;
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  return protocol === 'https:' || (protocol === 'http:' && loopback);
}
