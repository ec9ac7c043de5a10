import { Visitors } from '../../../src/box/web/visitors.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chosen } from '../../../src/box/web/sites.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { zoneNames } from '../../../src/protocol/names.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { type PublishedBox, publishedBox } from '../../support/published-box.ts';

const names = zoneNames('a'.repeat(52), 'box.test', ['a', 'b']);
const zone = names.main;
const services = new Set(['hello', 'files']);
const own = { kind: 'own' };
const hello = { kind: 'service', label: 'hello' };
const misdirected = { kind: 'misdirected' };

describe('whose a request is', () => {
  it.each([
    ['the main name', zone, zone, own],
    ['with a port', zone, `${zone}:8443`, own],
    ['with a dot at the end', zone, `${zone}.`, own],
    ['a service', `hello.${zone}`, `hello.${zone}`, hello],
    ['a service with a dot at the end', `hello.${zone}`, `HELLO.${zone}.:8443`, hello],
    ['the main name over the tunnel’s', `remote.${zone}`, zone, own],
    ['a mirror over the main name', zone, `a.${zone}`, own],
    ['a service over the tunnel’s name', `remote.${zone}`, `hello.${zone}`, misdirected],
    ['a service over the main name', zone, `hello.${zone}`, misdirected],
    ['a service over another one', `files.${zone}`, `hello.${zone}`, misdirected],
    ['the box over a service', `hello.${zone}`, zone, misdirected],
    ['a strange name over the main one', zone, 'evil.test', misdirected],
    ['a strange name', 'porchlight.fritz.box', 'porchlight.fritz.box', own],
    ['a bare address', undefined, '192.168.1.20', own],
    ['no name at all', undefined, undefined, own],
    ['a service without a server name', undefined, `hello.${zone}`, hello],
    ['nothing', `nothing.${zone}`, `nothing.${zone}.`, { kind: 'unknown', name: `nothing.${zone}` }],
    ['nothing over the main name', zone, `nothing.${zone}`, misdirected],
    ['below a service', `a.hello.${zone}`, `a.hello.${zone}`, { kind: 'unknown', name: `a.hello.${zone}` }],
    ['another zone', `hello.${'b'.repeat(52)}.box.test`, `hello.${'b'.repeat(52)}.box.test`, own],
  ])('%s', (_what, serverName, host, choice) => {
    expect(chosen({ serverName, host, through: 'home' }, names, services)).toEqual(choice);
  });

  it('through the tunnel nobody comes to a service without asking TLS for it', () => {
    const asked = { serverName: undefined, host: `hello.${zone}`, through: 'tunnel' } as const;
    expect(chosen(asked, names, services)).toEqual(misdirected);
  });
});

describe('on the wire', () => {
  const links = new OwnedFact<readonly string[]>(['127.0.0.0/8']);
  let box: PublishedBox;
  beforeAll(async () => {
    box = await publishedBox(
      temporaryFolder(),
      { services: { hello: 'http://127.0.0.1:1' } },
      { visitors: new Visitors({ links }) },
    );
  });
  afterAll(() => box.stop());

  const ask = (server: string, host: string, more: readonly string[] = []): Promise<string> =>
    box.say(server, ['GET / HTTP/1.1', `host: ${host}`, 'connection: close', ...more]);

  it('a request for another site than the connection’s is told to open a new one', async () => {
    expect(await ask(`remote.${box.zone}`, box.hostOf('hello'))).toMatch(/^HTTP\/1.1 421 /);
    const upgrade = ['connection: upgrade', 'upgrade: websocket'];
    expect(await box.say(box.zone, ['GET / HTTP/1.1', `host: ${box.hostOf('hello')}`, ...upgrade])).toMatch(
      /^HTTP\/1.1 421 /,
    );
    const session = box.session(box.zone);
    const stream = session.request({ ':authority': box.hostOf('hello'), ':path': '/' });
    const status = await new Promise((resolve) =>
      stream.once('response', (answer) => resolve(answer[':status'])),
    );
    session.destroy();
    expect(status).toBe(421);
  });

  it('a name that is nothing is no page of the box, and people at home are told what there is', async () => {
    const nothing = box.hostOf('nothing');
    const answer = await ask(nothing, nothing);
    expect(answer).toMatch(/^HTTP\/1.1 404 /);
    expect(answer).toContain(`https://hello.${box.zone}`);
    links.set([]);
    const stranger = await ask(nothing, nothing);
    links.set(['127.0.0.0/8']);
    expect(stranger).toMatch(/^HTTP\/1.1 404 /);
    expect(stranger).not.toContain('hello');
  });

  it('a dot at the end of the name is the same name', async () => {
    expect(await ask(box.zone, `${box.zone}.`)).toMatch(/^HTTP\/1.1 200 /);
    expect(await ask(box.hostOf('hello'), `${box.hostOf('hello')}.`)).toMatch(/^HTTP\/1.1 502 /);
  });
});
