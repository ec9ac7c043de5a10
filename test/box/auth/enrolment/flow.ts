import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import forge from 'node-forge';
import { type ClientOptions, WebSocket } from 'ws';
import type { EnrolmentSettings } from '../../../../src/box/auth/enrolment/enrolment.ts';
import { freePort } from '../../../../src/cli/home/free-port.ts';
import { OwnedFact } from '../../../../src/kit/runtime/fact.ts';
import { Health } from '../../../../src/kit/runtime/health.ts';
import { rsaKeyPem } from '../../../../src/kit/x509/x509.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { type Browser, type Lab, openLab } from '../../lab/lab.ts';
import { decide } from '../pairing/flow.ts';

export interface EnrolmentLab extends Lab {
  settings: EnrolmentSettings;
  health: Health;
  /** Networks that count as home; programs on this machine are at home anyway. */
  links: OwnedFact<readonly string[]>;
  serverNames: OwnedFact<readonly string[]>;
}

/** A box with both ports open. TLS looks at the time of this machine, so the clock begins there. */
export async function openEnrolmentLab(
  settings: Partial<EnrolmentSettings> = {},
  changed: Parameters<typeof openLab>[0] = {},
  before?: Parameters<typeof openLab>[1],
): Promise<EnrolmentLab> {
  const clock = new FakeClock(Date.now());
  const health = new Health(clock);
  const links = new OwnedFact<readonly string[]>([]);
  const serverNames = new OwnedFact<readonly string[]>(['localhost', '127.0.0.1']);
  const enrolment: EnrolmentSettings = {
    host: '127.0.0.1',
    port: await freePort(),
    insecurePort: await freePort(),
    folders: {},
    links,
    serverNames,
    health,
    ...settings,
  };
  const lab = await openLab({ clock, enrolment, ...changed }, before);
  await portsOpen(health);
  return Object.assign(lab, { settings: enrolment, health, links, serverNames });
}

/** Resolves when the first round is done, however it went. */
async function portsOpen(health: Health): Promise<void> {
  while (!health.conditions.value.some(({ name }) => name === 'enrolment'))
    await new Promise((resolve) => {
      const end = health.conditions.subscribe(() => (end(), resolve(undefined)));
    });
}

export interface Key {
  keyPem: string;
  publicKey: KeyObject;
}

export async function newKey(bits = 2048): Promise<Key> {
  const keyPem = await rsaKeyPem(bits);
  return { keyPem, publicKey: createPublicKey(keyPem) };
}

/** PKCS#10, PEM. */
export function requestFor(keyPem: string, commonName: string): string {
  const csr = forge.pki.createCertificationRequest();
  const privateKey = forge.pki.privateKeyFromPem(keyPem);
  csr.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);
  csr.setSubject([{ name: 'commonName', value: commonName, valueTagClass: forge.asn1.Type.UTF8 as never }]);
  csr.sign(privateKey, forge.md.sha256.create());
  return forge.pki.certificationRequestToPem(csr);
}

const query = {
  os: 'Android',
  device: 'Pixel',
  app: 'com.example.app',
  sdk_version: '4',
  medium: '1',
};

export interface Talk {
  socket: WebSocket;
  messages: Record<string, unknown>[];
  /** Code of the end. */
  closed: Promise<number>;
}

function talk(url: string, options: ClientOptions): Talk {
  const socket = new WebSocket(url, options);
  const messages: Record<string, unknown>[] = [];
  socket.on('message', (data: Buffer) =>
    messages.push(JSON.parse(data.toString()) as Record<string, unknown>),
  );
  socket.on('error', () => undefined);
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  return { socket, messages, closed };
}

const search = (changed: object): string => new URLSearchParams({ ...query, ...changed }).toString();

/** A connection to the insecure port. */
export function connectInsecurely(
  lab: EnrolmentLab,
  changed: Record<string, string> = {},
  options: ClientOptions = {},
  path = '/sonar',
): Talk {
  return talk(`ws://127.0.0.1:${lab.settings.insecurePort}${path}?${search(changed)}`, options);
}

export interface Signing {
  csr: string;
  destination?: string;
  medium?: number;
}

/** Asks for a certificate; everything that came until the box closed. */
export async function exchange(
  lab: EnrolmentLab,
  signing: Signing,
  changed: Record<string, string> = {},
  onMessage: (message: Record<string, unknown>) => void = () => undefined,
): Promise<Record<string, unknown>[]> {
  const { socket, messages, closed } = connectInsecurely(lab, changed);
  socket.on('open', () => socket.send(JSON.stringify({ method: 'signCertificate', ...signing })));
  socket.on('message', () => {
    const last = messages.at(-1);
    if (last !== undefined) onMessage(last);
  });
  await closed;
  return messages;
}

/** The same, and the owner says yes or no when asked. */
export async function exchangeAnswered(
  lab: EnrolmentLab,
  owner: Browser,
  signing: Signing,
  { allow = true, ...changed }: (Record<string, string> & { allow?: never }) | { allow?: boolean } = {},
): Promise<Record<string, unknown>> {
  let decided: Promise<void> | undefined;
  const messages = await exchange(lab, signing, { ...(changed as object), progress: '1' }, (message) => {
    const waiting = message['waiting'] as { code: string } | undefined;
    if (waiting !== undefined) decided = decide(owner, allow, waiting.code);
  });
  await decided;
  return messages.at(-1) ?? {};
}

export interface Credentials {
  deviceId: string;
  caPem: string;
  certPem: string;
  keyPem: string;
}

/** Takes the certificates of medium 2 from the shelf. */
export async function pickUp(browser: Browser, deviceId: unknown): ReturnType<Browser['call']> {
  return browser.call('GET', `/enrolment/certificates/${String(deviceId)}`);
}

/** A device that an owner has let in, by medium 2. */
export async function enrolled(
  lab: EnrolmentLab,
  owner: Browser,
  key: Key,
  commonName = 'device',
): Promise<Credentials> {
  const csr = requestFor(key.keyPem, commonName);
  const { deviceId } = await exchangeAnswered(lab, owner, { csr, medium: 2 });
  const { json } = await pickUp(owner, deviceId);
  return {
    deviceId: String(deviceId),
    caPem: String(json['sonarCA.crt']),
    certPem: String(json['device.crt']),
    keyPem: key.keyPem,
  };
}

/** A connection to the secure port that trusts the CA it was given and nothing else. */
export function connectSecurely(
  lab: EnrolmentLab,
  { caPem, certPem, keyPem }: Pick<Credentials, 'caPem'> & Partial<Credentials>,
  options: ClientOptions = {},
  path = '/sonar',
): Talk {
  return talk(`wss://127.0.0.1:${lab.settings.port}${path}?${search({})}`, {
    ca: caPem,
    cert: certPem,
    key: keyPem,
    ...options,
  });
}

/** The first message. */
export async function helloOf({ socket, messages }: Talk): Promise<Record<string, unknown>> {
  if (messages.length === 0) await once(socket, 'message');
  return messages[0] ?? {};
}

/** With which HTTP status an upgrade was refused. */
export async function refusedWith({ socket }: Talk): Promise<unknown> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  socket.terminate();
  return response.statusCode;
}

export const serialOf = (certPem: string): string => new X509Certificate(certPem).serialNumber;

async function timed<T>(step: () => Promise<T>): Promise<[T, number]> {
  const from = performance.now();
  return [await step(), performance.now() - from];
}

/**
 * The whole flow once, by a device that the box has not seen before; how long each step took, ms. With what the owner's
 * console takes to answer; the CA is there from the second time on.
 */
export async function enrolOnce(
  lab: EnrolmentLab,
  owner: Browser,
): Promise<Record<'exchange' | 'renewal' | 'socket', number>> {
  const key = await newKey();
  const [credentials, exchanged] = await timed(() => enrolled(lab, owner, key));
  const csr = requestFor(key.keyPem, 'device');
  const [, renewal] = await timed(() => exchange(lab, { csr, medium: 2 }));
  const [opened, socket] = await timed(async () => {
    const made = connectSecurely(lab, credentials);
    await helloOf(made);
    return made;
  });
  opened.socket.terminate();
  return { exchange: exchanged, renewal, socket };
}
