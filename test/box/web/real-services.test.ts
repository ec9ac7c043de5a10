import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ServiceSettings } from '../../../src/box/web/published-services.ts';
import { freePort } from '../../../src/cli/home/free-port.ts';
import { atEndOfTest } from '../../support/at-end.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { withoutNamespaces } from '../../support/netns.ts';
import { execFile } from '../../support/programs.ts';
import { type PublishedBox, publishedBox } from '../../support/published-box.ts';
import { serveIn } from '../../support/serving.ts';

/*
 * What households put behind a box, as Debian has it, with its own configuration: none of them knows that it stands behind a
 * proxy. Each is started on a free port of loopback, with its files in a folder of the test.
 */

const folder = temporaryFolder();
chmodSync(folder, 0o755);
const asRoot = process.getuid?.() === 0;

/** A folder that the program may write to, whoever it becomes. */
function folderOf(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o777);
  return path;
}

const serve = (port: number, command: string, args: readonly string[], env = {}): Promise<string> =>
  serveIn(folder, port, command, args, env);

async function publish(settings: ServiceSettings): Promise<PublishedBox> {
  const box = await publishedBox(folder, settings);
  atEndOfTest(() => box.stop());
  return box;
}

const ask = (
  box: PublishedBox,
  label: string,
  line: string,
  more: readonly string[] = [],
  body = '',
): Promise<string> =>
  box.say(
    box.hostOf(label),
    [`${line} HTTP/1.1`, `host: ${box.hostOf(label)}`, 'connection: close', ...more],
    body,
  );

/** A request to become a WebSocket, from a page of this origin. */
function askSocket(
  box: PublishedBox,
  label: string,
  path: string,
  origin: string,
  more: readonly string[] = [],
): Promise<string> {
  return new Promise((resolve) => {
    const socket = box.open(box.hostOf(label));
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
      if (heard.includes('\r\n')) socket.destroy();
    });
    socket.once('close', () => resolve(heard.slice(0, heard.indexOf('\r\n'))));
    const upgrade = ['connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13'];
    const lines = [`GET ${path} HTTP/1.1`, `host: ${box.hostOf(label)}`, ...upgrade, `origin: ${origin}`];
    socket.write([...lines, 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==', ...more, '', ''].join('\r\n'));
  });
}

async function apache(): Promise<string> {
  const port = await freePort();
  const root = folderOf('apache');
  mkdirSync(join(root, 'sub'), { recursive: true });
  writeFileSync(join(root, 'sub/index.html'), 'sub');
  folderOf('apache/dav');
  const modules = ['mpm_event', 'authz_core', 'dir', 'mime', 'dav', 'dav_fs'];
  const lines = [
    'ServerName localhost',
    `Listen 127.0.0.1:${port}`,
    `PidFile ${root}/pid`,
    `ErrorLog ${root}/error.log`,
    `DefaultRuntimeDir ${root}`,
    ...modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    'TypesConfig /etc/mime.types',
    ...(asRoot ? ['User www-data', 'Group www-data'] : []),
    `DocumentRoot ${root}`,
    `DavLockDB ${folderOf('apache-locks')}/db`,
    '<Location /dav>',
    'Dav On',
    '</Location>',
  ];
  writeFileSync(join(root, 'apache.conf'), `${lines.join('\n')}\n`);
  return serve(port, 'apache2', ['-D', 'FOREGROUND', '-f', join(root, 'apache.conf')]);
}

async function nginx(): Promise<string> {
  const port = await freePort();
  const root = folderOf('nginx');
  mkdirSync(join(root, 'sub'), { recursive: true });
  writeFileSync(join(root, 'sub/index.html'), 'sub');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${root}/${name};`,
  );
  const lines = [
    'daemon off;',
    ...(asRoot ? ['user root;'] : []),
    `pid ${root}/pid;`,
    'error_log stderr;',
    'events {}',
    `http { access_log off; ${temporary.join(' ')} server { listen 127.0.0.1:${port}; root ${root}; } }`,
  ];
  writeFileSync(join(root, 'nginx.conf'), `${lines.join('\n')}\n`);
  return serve(port, 'nginx', ['-e', 'stderr', '-c', join(root, 'nginx.conf')]);
}

/**
 * Runs litmus. Answers what passed and what did not, by suite. It asks the system for addresses, so it gets an `/etc/hosts` of
 * its own, in a mount namespace.
 */
async function litmus(url: string): Promise<{ passed: string[]; failed: string[] }> {
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost ${new URL(url).hostname}\n`);
  const script = `mount --bind ${hosts} /etc/hosts && exec litmus -k ${url}`;
  const stdout = await new Promise<string>((resolve) => {
    const options = { cwd: folderOf('litmus') };
    // It ends with an error when a test of it fails, which is what the lines say.
    execFile('unshare', ['--mount', 'sh', '-c', script], options, (_error, said) => resolve(said));
  });
  const passed: string[] = [];
  const failed: string[] = [];
  let suite = '';
  for (const line of stdout.split(/[\r\n]+/)) {
    suite = /running `(\w+)'/.exec(line)?.[1] ?? suite;
    const [, name = '', result] = /^ *\d+\. (\S+?)\.* (pass|FAIL)/.exec(line) ?? [];
    if (result === 'pass') passed.push(`${suite} ${name}`);
    if (result === 'FAIL') failed.push(`${suite} ${line}`);
  }
  return { passed, failed };
}

describe.skipIf(withoutNamespaces)('WebDAV', () => {
  it('passes litmus through the box where it passes it directly', async () => {
    const target = await apache();
    const direct = await litmus(`${target}/dav/`);
    expect(direct.failed).toEqual([]);
    expect(direct.passed.length).toBeGreaterThan(90);
    const box = await publish({ services: { dav: target } });
    const through = await litmus(`https://${box.hostOf('dav')}:${box.web.port}/dav/`);
    expect(through.failed).toEqual([]);
    // The one test of it that speaks to a socket of its own does not know TLS, and leaves itself out.
    expect(through.passed).toEqual(direct.passed.filter((name) => name !== 'http expect100'));
  }, 240_000);
});

describe('redirects', () => {
  it.each([
    ['nginx', nginx],
    ['Apache', apache],
  ])('of %s lead back through the box', async (_name, start) => {
    const box = await publish({ services: { files: await start() } });
    const answer = await ask(box, 'files', 'GET /sub');
    expect(answer).toMatch(/^HTTP\/1.1 301 /);
    expect(answer).toContain(`location: https://${box.hostOf('files')}/sub/\r\n`);
    expect(await ask(box, 'files', 'GET /sub/')).toMatch(/^HTTP\/1.1 200 [^]*sub$/);
  });
});

describe('WebSockets whose services look at the origin', () => {
  it('of Jupyter', async () => {
    const port = await freePort();
    const home = folderOf('jupyter');
    const args = [
      '--no-browser',
      '--ip=127.0.0.1',
      `--port=${port}`,
      `--notebook-dir=${home}`,
      '--allow-root',
    ];
    const target = await serve(port, '/usr/bin/jupyter-notebook', [...args, '--NotebookApp.token=secret'], {
      HOME: home,
    });
    const box = await publish({ services: { notes: target } });
    const own = `https://${box.hostOf('notes')}`;
    // A token with the request itself would do instead of the right origin; a cookie does not.
    const signedIn = await ask(box, 'notes', 'GET /tree?token=secret');
    const cookies = [...signedIn.matchAll(/^set-cookie: ([^;]+)/gim)].map(([, cookie]) => cookie);
    const cookie = `cookie: ${cookies.join('; ')}`;
    const length = 'content-length: 2';
    const kernel = await ask(
      box,
      'notes',
      'POST /api/kernels',
      ['authorization: token secret', length],
      '{}',
    );
    const path = `/api/kernels/${/"id": "([\w-]+)"/.exec(kernel)?.[1] ?? kernel}/channels`;
    expect(await askSocket(box, 'notes', path, own, [cookie])).toMatch(/^HTTP\/1.1 101 /);
    expect(await askSocket(box, 'notes', path, 'https://evil.test', [cookie])).toMatch(/^HTTP\/1.1 403 /);
  }, 90_000);

  it('of Cockpit', async () => {
    const port = await freePort();
    const args = ['--no-tls', '--address=127.0.0.1', `--port=${port}`];
    const target = await serve(port, '/usr/lib/cockpit/cockpit-ws', args, {
      XDG_CONFIG_DIRS: folderOf('cockpit'),
    });
    const box = await publish({ services: { cockpit: target } });
    const protocol = ['sec-websocket-protocol: cockpit1'];
    const own = `https://${box.hostOf('cockpit')}`;
    expect(await askSocket(box, 'cockpit', '/cockpit/socket', own, protocol)).toMatch(/^HTTP\/1.1 101 /);
    expect(await askSocket(box, 'cockpit', '/cockpit/socket', 'https://evil.test', protocol)).toMatch(
      /^HTTP\/1.1 403 /,
    );
  });
});

const django = `
import sys
from django.conf import settings
proxied = {'SECURE_PROXY_SSL_HEADER': ('HTTP_X_FORWARDED_PROTO', 'https')} if sys.argv[2] == 'proxied' else {}
settings.configure(DEBUG=True, SECRET_KEY='x', ROOT_URLCONF=__name__, ALLOWED_HOSTS=['*'],
    MIDDLEWARE=['django.middleware.csrf.CsrfViewMiddleware'], **proxied)
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from wsgiref.simple_server import make_server
urlpatterns = [path('', lambda request: HttpResponse('taken' if request.method == 'POST' else get_token(request)))]
make_server('127.0.0.1', int(sys.argv[1]), get_wsgi_application()).serve_forever()
`;

describe('Django’s forms', () => {
  it.each(['plain', 'proxied'])(
    'are taken (%s), and those of other pages only where it does not know better',
    async (how) => {
      const port = await freePort();
      writeFileSync(join(folder, 'form.py'), django);
      const target = await serve(port, '/usr/bin/python3', [join(folder, 'form.py'), String(port), how]);
      const box = await publish({
        services: { form: target },
        servicesWithVisitorHost: how === 'proxied' ? ['form'] : [],
      });
      const page = await ask(box, 'form', 'GET /');
      const cookie = /set-cookie: (csrftoken=\w+)/i.exec(page)?.[1] ?? '';
      const token = [...page.matchAll(/\b\w{64}\b/g)].at(-1)?.[0] ?? '';
      const body = `csrfmiddlewaretoken=${token}`;
      const post = (origin: string): Promise<string> =>
        ask(
          box,
          'form',
          'POST /',
          [
            `origin: ${origin}`,
            `referer: ${origin}/`,
            `cookie: ${cookie}`,
            'content-type: application/x-www-form-urlencoded',
            `content-length: ${body.length}`,
          ],
          body,
        );
      expect(await post(`https://${box.hostOf('form')}`)).toMatch(/^HTTP\/1.1 200 [^]*taken/);
      expect(await post('https://evil.test')).toMatch(
        how === 'proxied' ? /^HTTP\/1.1 403 / : /^HTTP\/1.1 (200|403) /,
      );
    },
  );
});
