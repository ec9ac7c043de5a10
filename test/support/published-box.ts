import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { loadIdentity } from '../../src/box/identity/identity.ts';
import { publishedServices, type ServiceSettings } from '../../src/box/web/published-services.ts';
import { Web, type WebOptions } from '../../src/box/web/web.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../src/kit/runtime/fact.ts';
import { Health } from '../../src/kit/runtime/health.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { zoneName } from '../../src/protocol/names.ts';
import { webParts } from './web-parts.ts';

/** The box's web with some published services, on a free port of loopback. */
export interface PublishedBox {
  web: Web;
  zone: string;
  /** `<label>.<zone>` */
  hostOf(label: string): string;
  /** A TLS connection to a name. */
  open(host: string, protocol?: string): TLSSocket;
  /** An HTTP/2 session to a name. */
  session(host: string): ClientHttp2Session;
  /** Says these lines and a body over HTTP/1.1 to a name, and hears everything until the connection ends. */
  say(host: string, lines: readonly string[], body?: string | Buffer): Promise<string>;
  stop(): Promise<void>;
}

export async function publishedBox(
  stateFolder: string,
  settings: ServiceSettings,
  more: Partial<WebOptions> = {},
): Promise<PublishedBox> {
  const identity = await loadIdentity({ stateFolder, clock: systemClock });
  const zone = zoneName(identity.boxId, 'box.test');
  const web = new Web({
    ...webParts(),
    identity,
    zoneRoot: 'box.test',
    certificate: new OwnedFact(undefined),
    host: '127.0.0.1',
    port: 0,
    services: publishedServices(settings),
    name: new OwnedFact('box'),
    details: () => ({ urls: [], conditions: [] }),
    probe: () => undefined,
    probePath: '/probe',
    health: new Health(systemClock),
    log: silentLog,
    ...more,
  });
  await web.start();
  const open = (host: string, protocol = 'http/1.1'): TLSSocket => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: web.port,
      servername: host,
      rejectUnauthorized: false,
      ALPNProtocols: [protocol],
    });
    socket.on('error', () => undefined);
    return socket;
  };
  return {
    web,
    zone,
    hostOf: (label) => `${label}.${zone}`,
    open,
    session: (host) =>
      connectHttp2(`https://127.0.0.1:${web.port}`, { servername: host, rejectUnauthorized: false }),
    say: async (host, lines, body = '') => {
      const socket = open(host);
      let heard = '';
      socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      if (body.length > 0) socket.write(body);
      await closed;
      return heard;
    },
    stop: () => web.stop(),
  };
}
