import { Problem } from '../../kit/runtime/errors.ts';
import type { AppList } from '../../protocol/access-api.ts';
import { agentClient } from '../../protocol/constants.ts';
import type { AccessStore } from './store.ts';

export type App = AppList['apps'][number];

/**
 * An app of which only the address it is returned to is known: its origin (or its own scheme) is its name, and who it is. Throws
 * `redirect-malformed`.
 */
export function appAt(redirectUri: string): App {
  if (!isRedirectUri(redirectUri)) throw malformed(redirectUri);
  const { host } = new URL(redirectUri);
  const origin = shownOrigin(redirectUri);
  return { clientId: origin, name: host === '' ? origin : host, redirectUris: [redirectUri] };
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

  /** With `also` in the same transaction. Throws `redirect-malformed`, which names the address. */
  replace(list: readonly App[], also: () => void = () => undefined): void {
    const uris = list.flatMap((app) => app.redirectUris);
    const bad = uris.find((uri) => !isRedirectUri(uri));
    if (bad !== undefined) throw malformed(bad);
    if (new Set([...list, agent].map((app) => app.clientId)).size <= list.length)
      throw new Problem('bad-request', 'each app stands on the list once', { status: 400 });
    const value = JSON.stringify(list);
    const before = this.#list;
    try {
      this.#store.transaction(() => {
        this.#store.run('INSERT OR REPLACE INTO setting VALUES (:setting, :value)', { setting, value });
        this.#store.oweEvent('the list of apps');
        this.#list = list;
        also();
      });
    } catch (error) {
      this.#list = before;
      throw error;
    }
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
    const wanted = ofAnyPort(redirectUri);
    return app?.redirectUris.some((uri) => uri === redirectUri || ofAnyPort(uri) === wanted)
      ? app
      : undefined;
  }

  named(clientId: unknown): App | undefined {
    return [...this.#list, agent].find((app) => app.clientId === clientId);
  }

  /** The app whose scripts have this origin: they may call the box with a token of the app's. */
  at(origin: string): App | undefined {
    return this.#list.find((app) => app.redirectUris.some((uri) => originOf(uri) === origin));
  }

  isOrigin(origin: string): boolean {
    return this.at(origin) !== undefined;
  }

  /** Those of all apps on the list. */
  get origins(): string[] {
    const uris = this.#list.flatMap((app) => app.redirectUris);
    return [...new Set(uris.flatMap((uri) => originOf(uri) ?? []))];
  }
}

const isSame = (a: App, b: App): boolean =>
  a.clientId === b.clientId && a.redirectUris.join(' ') === b.redirectUris.join(' ');

/**
 * RFC 8252, 7.3: a program on the person's computer is returned to whatever port it got there, so `redirectUri` is compared
 * without one when it is of loopback, by address or by name (which 8.3 warns of and many clients use all the same).
 */
function ofAnyPort(redirectUri: unknown): unknown {
  if (typeof redirectUri !== 'string' || !URL.canParse(redirectUri)) return Symbol('nothing is like it');
  const loopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::[1-9]\d{0,4})?(\/.*)?$/.exec(
    redirectUri,
  );
  return loopback === null ? redirectUri : `${loopback[1]}${loopback[2] ?? '/'}`;
}

/** Of an app's pages (RFC 6454, 4); a scheme of an app's own has no pages, and `null` is the origin of anybody. */
function originOf(redirectUri: string): string | undefined {
  const { protocol, origin } = new URL(redirectUri);
  return protocol === 'https:' || protocol === 'http:' ? origin : undefined;
}

/** What people are shown of where an app is returned to: its origin, or the scheme that is its own. */
export function shownOrigin(redirectUri: string): string {
  return originOf(redirectUri) ?? new URL(redirectUri).protocol.slice(0, -1);
}

function malformed(redirectUri: string): Problem {
  const message = `${JSON.stringify(redirectUri)} cannot be returned to: give an https address without user and fragment, http on this computer (127.0.0.1, localhost), or an app’s own scheme with a dot in it (com.example.app:/back)`;
  return new Problem('redirect-malformed', message, {
    status: 422,
    retryable: false,
    details: { redirectUri },
  });
}

/** RFC 8252, 7.1: a domain name of the app's maker in reverse. Without a dot it could be anybody's, `javascript:` too. */
const privateScheme = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:$/;

/** RFC 9700, 2.6: TLS, except on loopback; RFC 6749, 3.1.2: no fragment; RFC 3986, 2: ASCII. */
function isRedirectUri(uri: string): boolean {
  if (!URL.canParse(uri) || !/^[!-~]+$/.test(uri) || /[#\\]/.test(uri)) return false;
  const { protocol, hostname, username, password } = new URL(uri);
  if (username !== '' || password !== '') return false;
  if (privateScheme.test(protocol)) return uri.startsWith(`${protocol}/`);
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  return protocol === 'https:' || (protocol === 'http:' && loopback);
}
