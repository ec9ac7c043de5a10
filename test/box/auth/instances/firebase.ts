import { createHmac, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { runInNewContext } from 'node:vm';
import { createTestCa } from '../../../../src/cli/home/test-ca.ts';
import { temporaryFolder } from '../../../support/folder.ts';

/**
 * As much of Firebase as the box and an app use, after its documentation, because Google cannot be asked from a test: anonymous
 * sign-up, tokens of service accounts (RFC 7523), and the Realtime Database's REST API with multi-path updates, the override of
 * `auth`, and security rules, which are those of docs/access/firebase-rules.json.
 */
export interface Firebase {
  origin: string;
  caPem: string;
  apiKey: string;
  serviceAccountFile: string;
  /** All that is stored. */
  data: () => unknown;
  /** Requests to the database, as `METHOD /path`. */
  seen: string[];
  /** Access tokens that were handed out. */
  tokens: Set<string>;
  down: boolean;
  close: () => Promise<void>;
}

type Tree = { [name: string]: Tree | string | number | boolean };
type Auth = Record<string, unknown> | null;
type Rules = { [name: string]: Rules | string };

const rulesFile = resolve(import.meta.dirname, '../../../../docs/access/firebase-rules.json');
const apiKey = 'AIzaSyTestsAlone';

export async function startFirebase(): Promise<Firebase> {
  const ca = await createTestCa();
  const { keyPem, certPem } = await ca.issue(['localhost']);
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secret = randomBytes(32);
  const { rules } = JSON.parse(readFileSync(rulesFile, 'utf8')) as { rules: Rules };
  let root: Tree = {};

  const idToken = (uid: string): string => {
    const payload = Buffer.from(JSON.stringify({ user_id: uid })).toString('base64url');
    return `e30.${payload}.${createHmac('sha256', secret).update(payload).digest('base64url')}`;
  };
  const uidIn = (token: string): string | undefined => {
    const { user_id: uid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      user_id: string;
    };
    return token === idToken(uid) ? uid : undefined;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', firebase.origin);
    const text = await bodyOf(request);
    const answer = (status: number, value: unknown): void => {
      response
        .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
        .end(JSON.stringify(value));
    };
    if (firebase.down) return answer(503, { error: 'Service Unavailable' });
    if (url.pathname === '/v1/accounts:signUp') {
      if (url.searchParams.get('key') !== apiKey)
        return answer(400, { error: { message: 'API_KEY_INVALID' } });
      const localId = randomBytes(21).toString('base64').replaceAll(/[+/]/g, 'x');
      return answer(200, { localId, idToken: idToken(localId), refreshToken: 'r', expiresIn: '3600' });
    }
    if (url.pathname === '/token') {
      const [head = '', claims = '', signature = ''] = (
        new URLSearchParams(text).get('assertion') ?? ''
      ).split('.');
      const good = verify(
        'sha256',
        Buffer.from(`${head}.${claims}`),
        publicKey,
        Buffer.from(signature, 'base64url'),
      );
      const { aud, scope } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<
        string,
        string
      >;
      if (!good || aud !== `${firebase.origin}/token` || scope?.includes('firebase.database') !== true)
        return answer(400, { error: 'invalid_grant' });
      const token = `ya29.${randomBytes(16).toString('base64url')}`;
      firebase.tokens.add(token);
      return answer(200, { access_token: token, expires_in: 3599, token_type: 'Bearer' });
    }
    if (!url.pathname.endsWith('.json')) return answer(404, { error: '404 Not Found' });
    const path = url.pathname.slice(1, -'.json'.length);
    firebase.seen.push(`${request.method} /${path}`);
    const auth = authOf(request, url, firebase.tokens, uidIn);
    if (auth === undefined) return answer(401, { error: 'Could not parse auth token.' });
    const may = (kind: '.read' | '.write', place: string): boolean =>
      allows(rules, kind, partsOf(place), auth);
    const denied = (): void => answer(401, { error: 'Permission denied' });
    if (request.method === 'GET')
      return may('.read', path) ? answer(200, valueAt(root, partsOf(path)) ?? null) : denied();
    if (request.method !== 'PATCH') return answer(405, { error: 'not used here' });
    const changes = Object.entries(JSON.parse(text) as Record<string, Tree | null>);
    const places = changes.map(([name, value]) => [`${path}/${name}`, value] as const);
    if (!places.every(([place]) => may('.write', place))) return denied();
    for (const [place, value] of places) root = changed(root, partsOf(place), value);
    return answer(200, JSON.parse(text));
  };

  const server = createServer({ key: keyPem, cert: certPem }, (request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const serviceAccountFile = join(temporaryFolder(), 'service-account.json');
  const account = {
    type: 'service_account',
    client_email: 'box@project.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    token_uri: `${origin}/token`,
  };
  writeFileSync(serviceAccountFile, JSON.stringify(account));
  const firebase: Firebase = {
    origin,
    caPem: ca.caPem,
    apiKey,
    serviceAccountFile,
    data: () => root,
    seen: [],
    tokens: new Set(),
    down: false,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return firebase;
}

/** `undefined`: a token that is none. A service account may say as whom the rules are to see it. */
function authOf(
  { headers }: IncomingMessage,
  { searchParams }: URL,
  tokens: ReadonlySet<string>,
  uidIn: (token: string) => string | undefined,
): Auth | undefined {
  const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) {
    const override = searchParams.get('auth_variable_override');
    return tokens.has(bearer) ? (JSON.parse(override ?? '{}') as Auth) : undefined;
  }
  const token = searchParams.get('auth');
  if (token === null) return null;
  const uid = uidIn(token);
  return uid === undefined ? undefined : { uid, provider: 'anonymous', token: {} };
}

const partsOf = (place: string): string[] => place.split('/').filter((part) => part !== '');

/** A right that is given anywhere on the way down to a place holds for it. */
function allows(rules: Rules, kind: string, parts: readonly string[], auth: Auth): boolean {
  const names = new Map<string, string>([]);
  let at: Rules | string | undefined = rules;
  for (const part of [undefined, ...parts]) {
    if (part !== undefined) {
      const here: Rules = typeof at === 'object' ? at : {};
      const variable = Object.keys(here).find((name) => name.startsWith('$'));
      if (here[part] === undefined && variable !== undefined) names.set(variable, part);
      at = here[part] ?? (variable === undefined ? undefined : here[variable]);
    }
    const rule = typeof at === 'object' ? at[kind] : undefined;
    if (typeof rule === 'string' && holds(rule, names, auth)) return true;
  }
  return false;
}

/** The expressions of the rules, as far as these use them, are expressions of JavaScript. */
function holds(rule: string, names: ReadonlyMap<string, string>, auth: Auth): boolean {
  return runInNewContext(rule, { auth, ...Object.fromEntries(names) }) === true;
}

function valueAt(tree: Tree, [first, ...rest]: readonly string[]): unknown {
  if (first === undefined) return tree;
  const inner = tree[first];
  return rest.length === 0 || typeof inner !== 'object' ? inner : valueAt(inner, rest);
}

/** What is empty is not there. */
function changed(tree: Tree, [first = '', ...rest]: readonly string[], value: Tree | null): Tree {
  const { [first]: inner, ...others } = tree;
  if (rest.length === 0) return value === null ? others : { ...others, [first]: value };
  const below = changed(typeof inner === 'object' ? inner : {}, rest, value);
  return Object.keys(below).length === 0 ? others : { ...others, [first]: below };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
