import { execFile } from '../support/programs.ts';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { DevicePort, type DevicePortOptions } from '../../src/box/auth/enrolment/device-port.ts';
import type { ZoneCertificate } from '../../src/box/facts.ts';
import { loadIdentity } from '../../src/box/identity/identity.ts';
import { Web } from '../../src/box/web/web.ts';
import { createTestCa } from '../../src/cli/home/test-ca.ts';
import { AppServer } from '../../src/cloud/app-server/app-server.ts';
import { DnsServer } from '../../src/cloud/dns-server/dns-server.ts';
import { Relay } from '../../src/cloud/relay/relay.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../src/kit/runtime/fact.ts';
import { Health } from '../../src/kit/runtime/health.ts';
import { listen } from '../../src/kit/http/listen.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import type { Service } from '../../src/kit/runtime/service.ts';
import { intermediateTls } from '../../src/kit/x509/tls-policy.ts';
import { zoneName } from '../../src/protocol/names.ts';
import { serverOptions } from '../cloud/dns-server/support.ts';
import { startMailbox } from '../cloud/mailbox/setup.ts';
import { startServer } from '../cloud/registration-server/setup.ts';
import { atEnd } from '../support/at-end.ts';
import { temporaryFolder } from '../support/folder.ts';
import { webParts } from '../support/web-parts.ts';

interface Listener {
  port: number;
  name: string;
  /** With which a handshake ends; in 1.2, none does for who has no certificate where one is asked for. */
  versions?: string[];
}

const zoneRoot = 'box.test';
const log = silentLog;
const health = new Health(systemClock);
const ca = await createTestCa();
const tls = await ca.issue(['localhost']);
const at = { host: '127.0.0.1', port: 0 };

async function running<T extends Service>(service: T): Promise<T> {
  await service.start(new AbortController().signal);
  atEnd(() => service.stop());
  return service;
}

async function box(): Promise<{ port: number; zone: string }> {
  const identity = await loadIdentity({ stateFolder: temporaryFolder(), clock: systemClock });
  const zone = zoneName(identity.boxId, zoneRoot);
  const { keyPem, certPem } = await ca.issue([zone, `*.${zone}`]);
  const certificate = { keyPem, chainPem: certPem, names: [], notBefore: 0, notAfter: 0, serial: '' };
  const web = new Web({
    ...webParts(),
    ...at,
    identity,
    zoneRoot,
    certificate: new OwnedFact<ZoneCertificate | undefined>(certificate),
    services: [],
    name: new OwnedFact('box'),
    details: () => ({ urls: [], conditions: [] }),
    probe: () => undefined,
    probePath: '/probe',
    health,
    log,
  });
  return { port: (await running(web)).port, zone };
}

async function devicePort(): Promise<Listener> {
  const port = new DevicePort({ ...at, log, clock: systemClock } as unknown as DevicePortOptions);
  port.use({ keyPem: tls.keyPem, certPem: tls.certPem }, ca.caPem);
  await port.listener.open();
  atEnd(() => port.listener.close());
  return { port: port.listener.port, name: 'localhost', versions: ['TLSv1.3'] };
}

/** A relay speaks TLS to boxes once they have asked for it; this asks for everybody who connects. */
async function relayListener(): Promise<Listener> {
  const certName = 'localhost';
  const relay = await running(
    new Relay({
      ...at,
      zoneRoot,
      masterKey: Buffer.alloc(32, 1),
      tls: { ...tls, certName },
      log,
      clock: systemClock,
      health,
    }),
  );
  const asking = createServer((socket) => {
    const tunnel = connect(relay.port, '127.0.0.1', () =>
      tunnel.write(`CONNECT ${certName}:443 HTTP/1.1\r\n\r\n`),
    );
    tunnel.once('data', () => socket.pipe(tunnel).pipe(socket));
    for (const each of [socket, tunnel])
      each.on('error', () => [socket, tunnel].forEach((one) => one.destroy()));
    socket.once('close', () => tunnel.destroy());
  });
  atEnd(() => once(asking.close(), 'close'));
  return { port: await listen(asking, at), name: certName };
}

async function app(): Promise<Listener> {
  const server = new AppServer({
    ...at,
    folder: new URL('../../dist/web/app', import.meta.url).pathname,
    tls,
    registrationOrigin: 'https://registration.test',
    zoneRoot,
    log,
    health,
  });
  return { port: (await running(server)).port, name: 'localhost' };
}

const listeners: Record<string, () => Promise<Listener>> = {
  'the box under its zone': async () => {
    const { port, zone } = await box();
    return { port, name: zone };
  },
  'the box under any other name': async () => ({ ...(await box()), name: 'porchlight.local' }),
  'the port of devices': devicePort,
  'the dns-server’s API': async () => {
    const server = await running(new DnsServer(await serverOptions(temporaryFolder())));
    return { port: server.apiPort, name: 'localhost' };
  },
  'the registration-server': async () => ({
    port: (await startServer({ stateFolder: temporaryFolder() })).port,
    name: 'localhost',
  }),
  'the mailbox': async () => ({ port: (await startMailbox()).port, name: 'localhost' }),
  'the relay': relayListener,
  'the app-server': app,
};

const allowed = intermediateTls.ciphers.split(':');

/** What sslscan finds that Mozilla's *intermediate* configuration does not have. */
async function scan({ port, name }: Listener): Promise<{ versions: string[]; faults: string[] }> {
  const args = ['--no-colour', '--xml=-', `--sni-name=${name}`, `127.0.0.1:${port}`];
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile('sslscan', args, (error, text) => (error === null ? resolve(text) : reject(error)));
  });
  const found = (element: string): Record<string, string>[] =>
    [...stdout.matchAll(new RegExp(`<${element} ([^>]*)/>`, 'g'))].map(([, attributes = '']) =>
      Object.fromEntries(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = '', value]) => [key, value ?? '']),
      ),
    );
  const ciphers = found('cipher');
  return {
    versions: [...new Set(ciphers.map(({ sslversion = '' }) => sslversion))].toSorted(),
    faults: [
      ...ciphers
        .filter(({ cipher = '' }) => !allowed.includes(cipher))
        .map(({ cipher }) => `suite ${cipher}`),
      ...found('protocol')
        .filter(({ version = '', enabled }) => enabled === '1' && !['1.2', '1.3'].includes(version))
        .map(({ type, version }) => `${type} ${version}`),
      ...found('compression')
        .filter(({ supported }) => supported === '1')
        .map(() => 'compression'),
      ...found('heartbleed')
        .filter(({ vulnerable }) => vulnerable === '1')
        .map(() => 'heartbleed'),
      ...found('renegotiation')
        .filter(({ supported, secure }) => supported === '1' && secure === '0')
        .map(() => 'renegotiation'),
    ],
  };
}

/** Asks on a connection of TLS 1.2 for another handshake. Answers what came of it. */
async function renegotiation({ port, name }: Listener): Promise<string> {
  const options = { port, host: '127.0.0.1', servername: name, maxVersion: 'TLSv1.2' } as const;
  const socket = connectTls({ ...options, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const outcome = await new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
    socket.renegotiate({}, (error) => resolve(error === null ? 'done' : error.message));
  });
  socket.destroy();
  return outcome;
}

describe('TLS as sslscan sees it', () => {
  it.each(Object.keys(listeners).filter((which) => which !== 'the port of devices'))(
    '%s does not negotiate a connection again',
    async (which) => {
      const listener = await listeners[which]?.();
      expect(listener && (await renegotiation(listener))).toBe('ERR_SSL_NO_RENEGOTIATION');
    },
  );

  it.each(Object.keys(listeners))('%s', async (which) => {
    const listener = await listeners[which]?.();
    if (listener === undefined) throw new Error('no such listener');
    const { versions = ['TLSv1.2', 'TLSv1.3'] } = listener;
    expect(await scan(listener)).toEqual({ versions, faults: [] });
  });

  it('tells a server that has more', async () => {
    const { createServer: insecure } = await import('node:https');
    const server = insecure({ key: tls.keyPem, cert: tls.certPem });
    atEnd(() => once(server.close(), 'close'));
    const { faults } = await scan({ port: await listen(server, at), name: 'localhost' });
    expect(faults.length).toBeGreaterThan(0);
  });
});
