import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller, Answer, Call } from './caller.ts';
import type { Ledger } from './ledger.ts';
import type { Random } from './random.ts';
import { appOrigin } from './house.ts';

const owner = 'Ada';
const password = 'seven green bottles';
const most = { people: 24, cookies: 8, ended: 40, clients: 6 };

type Action = () => Promise<void>;

/**
 * The people of one home, at work: they invite, remove, sign in and out, change settings, allow programs, and an app renews
 * its tokens. Each action is written down as asked before it is, and as answered when it is.
 */
export class Residents {
  readonly #box: Caller;
  readonly #ledger: Ledger;
  readonly #random: Random;
  #csrf = new Map<string, string>();
  #number = 0;
  /** How many actions were answered. */
  answered = 0;

  constructor(options: { box: Caller; ledger: Ledger; random: Random }) {
    this.#box = options.box;
    this.#ledger = options.ledger;
    this.#random = options.random;
  }

  /** The very first thing. */
  async claim(setupCode: string): Promise<void> {
    const body = { setupCode, name: owner, password };
    let answer = await this.#call('POST', '/api/first-run', { body });
    // Before the box knows its own links it takes nobody for being at home.
    for (let tries = 0; answer.json['code'] === 'only-at-home' && tries < 50; tries++) {
      await sleep(100);
      answer = await this.#call('POST', '/api/first-run', { body });
    }
    if (answer.status !== 201 || answer.cookie === undefined)
      throw new Error(`the box could not be claimed: ${JSON.stringify(answer.json)}`);
    this.#ledger.cookies.push(answer.cookie);
    this.#ledger.audited('claimed', '');
    this.#ledger.audited('logged-in', '');
    const { people } = (await this.asOwner('GET', '/api/people')).json as { people: { id: string }[] };
    for (const { id } of people) this.#ledger.people.set(id, owner);
    await this.#connect();
  }

  /** Deeds one after the other until the box does not answer any more, or `over`. */
  work(over: () => boolean): Promise<void> {
    const alone = [() => this.#rename(), () => this.#refresh(), () => this.#refresh()];
    return this.#doing([...this.#actions(), ...alone], over);
  }

  /** Beside it: without what only one may do at one time, because nobody would know which came last. */
  workBeside(over: () => boolean): Promise<void> {
    return this.#doing(this.#actions(), over);
  }

  #actions(): Action[] {
    return [
      () => this.#invite(),
      () => this.#invite(),
      () => this.#remove(),
      () => this.#signIn(),
      () => this.#signOut(),
      () => this.#allow(),
    ];
  }

  async #doing(actions: readonly Action[], over: () => boolean): Promise<void> {
    try {
      while (!over()) await this.#random.one(actions)();
    } catch (error) {
      // The box is gone, in the middle of it.
      if (!isCutOff(error)) throw error;
    }
  }

  async #invite(): Promise<void> {
    if (this.#ledger.people.size > most.people) return this.#remove();
    const name = `P${process.hrtime.bigint().toString(36)}${this.#number++}`;
    this.#ledger.peopleAsked.add(name);
    this.#ledger.perhaps('person-invited', name);
    const answer = await this.asOwner('POST', '/api/people', { body: { name, role: 'member' } });
    this.#ledger.peopleAsked.delete(name);
    if (answer.status !== 201) return;
    this.#sure('person-invited', name);
    this.#ledger.people.set(String(answer.json['id']), name);
  }

  async #remove(): Promise<void> {
    const others = [...this.#ledger.people].filter(
      ([id, name]) => name !== owner && !this.#ledger.removalsAsked.has(id),
    );
    if (others.length === 0) return;
    const [id, name] = this.#random.one(others);
    this.#ledger.removalsAsked.add(id);
    this.#ledger.perhaps('person-removed', name);
    const answer = await this.asOwner('DELETE', `/api/people/${id}`);
    this.#ledger.removalsAsked.delete(id);
    if (answer.status !== 204) return;
    this.#sure('person-removed', name);
    this.#ledger.people.delete(id);
  }

  async #rename(): Promise<void> {
    const name = `Box ${this.#number++}`;
    this.#ledger.boxNames.push(name);
    this.#ledger.perhaps('settings-changed', '');
    const body = { name, tunnel: false, discovery: this.#random.one(['always', 'off']) };
    const answer = await this.asOwner('PUT', '/api/settings', { body });
    if (answer.status !== 200) return;
    this.#sure('settings-changed', '');
    this.#ledger.boxNames = [name];
  }

  async #signIn(): Promise<void> {
    if (this.#ledger.cookies.length >= most.cookies) return this.#signOut();
    this.#ledger.perhaps('logged-in', '');
    const answer = await this.#call('POST', '/api/login', { body: { name: owner, password } });
    if (answer.status !== 204 || answer.cookie === undefined) return;
    this.#sure('logged-in', '');
    this.#ledger.cookies.push(answer.cookie);
  }

  async #signOut(): Promise<void> {
    // The first one is the owner's who does all else.
    const cookie = this.#ledger.cookies.length > 2 ? this.#ledger.cookies.splice(1, 1)[0] : undefined;
    if (cookie === undefined) return;
    this.#ledger.perhaps('logged-out', '');
    const answer = await this.#signed(cookie, 'POST', '/api/logout');
    if (answer.status !== 204) return;
    this.#sure('logged-out', '');
    this.#ledger.ended.push(cookie);
    if (this.#ledger.ended.length > most.ended) this.#ledger.ended.shift();
  }

  /** A program asks, and the owner says yes. */
  async #allow(): Promise<void> {
    if (this.#ledger.clients.length >= most.clients) return;
    const clientId = randomUUID();
    const ask = { body: { clientId, name: `Program ${this.#number++}`, wait: 0 } };
    if ((await this.#call('POST', '/authorise', ask)).status !== 202) return;
    const { pending } = (await this.asOwner('GET', '/api/approvals')).json as {
      pending?: { id: string; label: string }[];
    };
    const mine = pending?.find(({ label }) => label === ask.body.name);
    if (mine === undefined) return;
    this.#ledger.perhaps('approval-allowed', ask.body.name);
    const answer = await this.asOwner('POST', `/api/approvals/${mine.id}`, { body: { allow: true } });
    if (answer.status >= 300) return;
    this.#sure('approval-allowed', ask.body.name);
    this.#ledger.clients.push(clientId);
  }

  async #connect(): Promise<void> {
    const verifier = randomBytes(32).toString('base64url');
    const query = {
      client_id: appOrigin,
      redirect_uri: `${appOrigin}/back`,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      response_type: 'code',
    };
    const { json } = await this.asOwner('POST', '/api/connect', { body: { ...query, allow: true } });
    const code = new URL(String(json['redirect'])).searchParams.get('code') ?? '';
    const { client_id, redirect_uri } = query;
    const form = { grant_type: 'authorization_code', client_id, redirect_uri, code, code_verifier: verifier };
    const answer = await this.#call('POST', '/oauth/token', { form, headers: { origin: appOrigin } });
    if (answer.status !== 200) throw new Error(`the app was not let in: ${JSON.stringify(answer.json)}`);
    this.#ledger.refreshToken = String(answer.json['refresh_token']);
  }

  async #refresh(): Promise<void> {
    await this.refresh();
  }

  /** The app asks for the next pair, with what it has: also after a pair that did not reach it. */
  async refresh(): Promise<Answer | undefined> {
    const token = this.#ledger.refreshToken;
    if (token === undefined) return undefined;
    const form = { grant_type: 'refresh_token', client_id: appOrigin, refresh_token: token };
    const answer = await this.#call('POST', '/oauth/token', { form, headers: { origin: appOrigin } });
    if (answer.status === 200) {
      this.answered++;
      this.#ledger.refreshToken = String(answer.json['refresh_token']);
    }
    return answer;
  }

  /** The app has lost its session: it is let in again, so that the run goes on. */
  async connectAgain(): Promise<void> {
    this.#ledger.refreshToken = undefined;
    await this.#connect();
  }

  /** Whether the owner's password is still theirs. */
  async signsIn(): Promise<number> {
    return (await this.#call('POST', '/api/login', { body: { name: owner, password } })).status;
  }

  askAsClient(clientId: string): Promise<Answer> {
    return this.#call('POST', '/authorise', { body: { clientId, wait: 0 } });
  }

  session(cookie: string): Promise<Answer> {
    return this.#call('GET', '/api/session', { headers: { cookie: `__Host-porchlight=${cookie}` } });
  }

  /** As the console: proves that it is they when the box asks for it. */
  async asOwner(method: string, path: string, call: Call = {}): Promise<Answer> {
    const [cookie = ''] = this.#ledger.cookies;
    const answer = await this.#signed(cookie, method, path, call);
    if (answer.json['code'] !== 'proof-needed') return answer;
    const proof = await this.#signed(cookie, 'POST', '/api/proof', { body: { password } });
    return proof.status === 204 ? this.#signed(cookie, method, path, call) : proof;
  }

  async #signed(cookie: string, method: string, path: string, call: Call = {}): Promise<Answer> {
    let csrf = this.#csrf.get(cookie);
    if (csrf === undefined && method !== 'GET') {
      csrf = String((await this.session(cookie)).json['csrf']);
      this.#csrf.set(cookie, csrf);
    }
    const headers = { cookie: `__Host-porchlight=${cookie}`, ...(csrf && { 'x-csrf-token': csrf }) };
    return this.#call(method, path, { ...call, headers });
  }

  #call(method: string, path: string, call: Call): Promise<Answer> {
    const headers = { ...(method === 'GET' ? {} : { origin: this.#box.origin }), ...call.headers };
    return this.#box.call(method, path, { ...call, headers });
  }

  #sure(action: string, what: string): void {
    this.answered++;
    this.#ledger.answered(action, what);
  }
}

const cutOff = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);
function isCutOff(error: unknown): boolean {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return cutOff.has(code) || /socket hang up|cut off|disconnected|no answer within/.test(message);
}
