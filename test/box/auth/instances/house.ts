import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { AccessOptions } from '../../../../src/box/access.ts';
import type { Mailbox } from '../../../../src/box/auth/instances/mailbox.ts';
import { PorchlightMailbox } from '../../../../src/box/auth/instances/porchlight-mailbox.ts';
import type { MailboxServer } from '../../../../src/cloud/mailbox/mailbox.ts';
import { Health } from '../../../../src/kit/runtime/health.ts';
import type { InstanceCredentials } from '../../../../src/protocol/instance-api.ts';
import { newSealingKeys, open, publicKeyText, sealedFor } from '../../../../src/protocol/sealed.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { mailboxCaPem, startMailbox, TestInstance } from '../../../cloud/mailbox/setup.ts';
import { identity } from '../../lab/identity.ts';
import { type Answer, away, boxId, Browser, type Call, type Lab, names, openLab } from '../../lab/lab.ts';
import { decide } from '../pairing/flow.ts';

/** A box with an owner and the mailbox of a cloud; app instances come from the internet. */
export interface House {
  lab: Lab;
  owner: Browser;
  server: MailboxServer;
  health: Health;
}

export async function openHouse(
  changed: Omit<Partial<AccessOptions>, 'clock'> & { mailboxes?: readonly Mailbox[] } = {},
  before?: Parameters<typeof openLab>[1],
): Promise<House> {
  const server = await startMailbox();
  const health = new Health(new FakeClock());
  const mailbox = new PorchlightMailbox({
    origin: `https://localhost:${server.port}`,
    identity,
    caPem: mailboxCaPem,
  });
  const { mailboxes = [mailbox], ...options } = changed;
  const lab = await openLab({ ...options, instances: { mailboxes, health } }, before);
  const owner = new Browser(lab);
  await owner.firstRun();
  lab.from = away;
  return { lab, owner, server, health };
}

/** As a program calls, which has no origin and no cookie. */
export function plain(lab: Lab, method: string, path: string, call: Call = {}): Promise<Answer> {
  return new Browser(lab).call(method, path, { ...call, headers: { origin: undefined, ...call.headers } });
}

export interface ToSign {
  method: string;
  path: string;
  /** As it is sent. */
  text?: string;
  type?: string;
  covered?: readonly string[];
  /** Of `@signature-params`, in their order. */
  parameters?: Record<string, string | number>;
  secret: string;
  keyid: string;
  /** Seconds since the epoch. */
  created: number;
  host: string;
}

/** The fields that sign a request, written down by hand as RFC 9421 has them. */
export function signedByHand({
  method,
  path,
  text,
  type = 'application/json',
  covered,
  parameters = {},
  secret,
  keyid,
  created,
  host,
}: ToSign): Record<string, string> {
  const [pathname = '', query] = path.split('?');
  const digest = `sha-256=:${createHash('sha256')
    .update(text ?? '')
    .digest('base64')}:`;
  const values: Record<string, string> = {
    '@method': method,
    '@authority': host,
    '@path': pathname,
    '@query': `?${query ?? ''}`,
    '@target-uri': `https://${host}${path}`,
    'content-digest': digest,
    'content-type': type,
  };
  const body = text === undefined ? [] : ['content-digest', 'content-type'];
  const names = covered ?? ['@method', '@authority', '@path', '@query', ...body];
  const all = {
    created,
    nonce: randomBytes(16).toString('base64url'),
    keyid,
    alg: 'hmac-sha256',
    ...parameters,
  };
  const shown = Object.entries(all).map(
    ([name, value]) => `;${name}=${typeof value === 'number' ? value : `"${value}"`}`,
  );
  const input = `(${names.map((name) => `"${name}"`).join(' ')})${shown.join('')}`;
  const base = [...names.map((name) => `"${name}": ${values[name]}`), `"@signature-params": ${input}`].join(
    '\n',
  );
  const mac = createHmac('sha256', Buffer.from(secret, 'base64url')).update(base).digest('base64');
  return {
    'signature-input': `sig=${input}`,
    signature: `sig=:${mac}:`,
    ...(text === undefined ? {} : { 'content-digest': digest }),
  };
}

/** An app on a phone, played step by step as the document says; with Node's means, and none of the SDK. */
export class PhoneApp {
  readonly deviceId: string;
  readonly mailbox: TestInstance;
  credentials: InstanceCredentials | undefined;
  /** All that was ever secret. */
  readonly secrets: string[] = [];
  readonly #house: House;

  constructor(house: House, deviceId = `phone-${randomBytes(6).toString('hex')}`) {
    this.#house = house;
    this.deviceId = deviceId;
    this.mailbox = new TestInstance(house.server);
  }

  get ids(): { deviceId: string; uid: string } {
    return { deviceId: this.deviceId, uid: this.mailbox.uid };
  }

  /** Step 1. */
  signIn(): Promise<unknown> {
    return this.mailbox.signIn();
  }

  /** Step 2. */
  request(more: object = {}): Promise<Answer> {
    return plain(this.#house.lab, 'POST', '/api/instances', { body: { ...this.ids, ...more } });
  }

  /** Steps 4 and 6: what the box left. */
  async read(name: string): Promise<string> {
    const { body } = await this.mailbox.read(boxId, name);
    const value = String((body as { value?: unknown }).value);
    this.secrets.push(value);
    return value;
  }

  /** Steps 4 to 6. */
  async confirm(otp: string): Promise<Answer> {
    const keys = await newSealingKeys();
    const body = { ...this.ids, otp, publicKey: await publicKeyText(keys) };
    const answer = await plain(this.#house.lab, 'POST', '/api/instances/confirm', { body });
    if (answer.status !== 200) return answer;
    const sealed = JSON.parse(await this.read('credentials')) as { enc: string; ct: string };
    const text = await open(keys, sealed, sealedFor.credentials(boxId, this.mailbox.uid));
    this.credentials = JSON.parse(text) as InstanceCredentials;
    this.secrets.push(this.credentials.hmacSecret);
    return answer;
  }

  /** Steps 1 to 6. */
  async letIn(more: object = {}): Promise<this> {
    await this.signIn();
    await this.request(more);
    await this.confirm(await this.read('otp'));
    return this;
  }

  /** What is needed to sign by hand. */
  toSign(method: string, path: string): ToSign {
    const { lab } = this.#house;
    const { hmacSecret: secret = '', clientId: keyid = '' } = this.credentials ?? {};
    const created = Math.floor(lab.clock.now() / 1000);
    return { method, path, secret, keyid, created, host: `${names.main}:${lab.port}` };
  }

  /** Step 7: a signed call. `changed` is what somebody does to it. */
  call(method: string, path: string, body?: unknown, changed: Partial<ToSign> = {}): Promise<Answer> {
    const text = body === undefined ? {} : { text: JSON.stringify(body) };
    const headers = signedByHand({ ...this.toSign(method, path), ...text, ...changed });
    return plain(this.#house.lab, method, path, { ...(body === undefined ? {} : { body }), headers });
  }

  /** An owner lets the instance act for them. */
  async linked(): Promise<this> {
    const { lab, owner } = this.#house;
    const from = lab.from;
    lab.from = { through: 'home', address: '192.168.1.7', atHome: true };
    const { json } = await this.call('POST', '/api/instance/ask', { wait: 0 });
    await decide(owner, true, String(json['code']));
    await this.call('POST', '/api/instance/ask', { wait: 0 });
    lab.from = from;
    return this;
  }
}
