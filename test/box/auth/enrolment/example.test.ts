import { execFile } from '../../../support/programs.ts';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { temporaryFolder } from '../../../support/folder.ts';
import { soon } from '../../../support/soon.ts';
import { Browser } from '../../lab/lab.ts';
import { decide, pendingOf } from '../pairing/flow.ts';
import { connectSecurely, type EnrolmentLab, helloOf, openEnrolmentLab, refusedWith } from './flow.ts';

/**
 * A mobile app with the SDK, as the description of the exchange has it: it makes a key and a signing request, sends it to the
 * insecure port, waits for the certificates to be in its own folder, and comes to the secure port, where it trusts the server
 * that they tell of and no other.
 */
const run = promisify(execFile);
const app = 'com.example.app';
const container = join(temporaryFolder(), 'containers', app);
const inApp = (name: string): string => join(container, 'sonar', name);
let lab: EnrolmentLab;
let owner: Browser;

beforeAll(async () => {
  mkdirSync(join(container, 'sonar'), { recursive: true });
  lab = await openEnrolmentLab({ folders: { [app]: container } });
  owner = new Browser(lab);
  await owner.firstRun();
  await run('openssl', [
    'req',
    '-new',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    `/C=US/ST=CA/O=Sonar/CN=${app}`,
    '-keyout',
    inApp('privateKey.pem'),
    '-out',
    inApp('app.csr'),
  ]);
});

/** What the box answers, to the one message that the app sends. */
async function signCertificate(destination: string): Promise<unknown> {
  const parameters = `os=Android&device=Pixel%207&app=${app}&sdk_version=4&medium=1`;
  const socket = new WebSocket(`ws://localhost:${lab.settings.insecurePort}/sonar?${parameters}`);
  const csr = readFileSync(inApp('app.csr'), 'utf8');
  await once(socket, 'open');
  socket.send(JSON.stringify({ method: 'signCertificate', csr, destination, medium: 1 }));
  const [data] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return JSON.parse(data.toString());
}

const credentials = (): Parameters<typeof connectSecurely>[1] => ({
  caPem: readFileSync(inApp('sonarCA.crt'), 'utf8'),
  certPem: readFileSync(inApp('device.crt'), 'utf8'),
  keyPem: readFileSync(inApp('privateKey.pem'), 'utf8'),
});

describe('an app that exchanges certificates', () => {
  let deviceId: unknown;

  it('gets them into its own folder when the owner has said yes', async () => {
    const answer = signCertificate('sonar');
    await expect.poll(() => pendingOf(owner), soon).toHaveLength(1);
    const [question] = await pendingOf(owner);
    expect(question).toMatchObject({ kind: 'device', label: `${app} (${app} on Pixel 7)` });
    await decide(owner, true);
    expect(await answer).toEqual({ deviceId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    ({ deviceId } = (await answer) as { deviceId: string });
    const verify = ['verify', '-purpose', 'sslclient', '-CAfile', inApp('sonarCA.crt'), inApp('device.crt')];
    expect((await run('openssl', verify)).stdout).toContain('OK');
  });

  it('comes in with them, and trusts the server by the CA that it was given', async () => {
    const connection = connectSecurely(lab, credentials());
    expect(await helloOf(connection)).toMatchObject({ type: 'hello', deviceId, boxName: 'Our box' });
    connection.socket.send(JSON.stringify({ id: 1, method: 'ping' }));
    await expect.poll(() => connection.messages.at(-1), soon).toEqual({ id: 1, success: {} });
    connection.socket.close();
    // Any other server, as another program of the machine may run one, is none.
    const other = connectSecurely(lab, { ...credentials(), caPem: lab.caPem });
    const [error] = (await once(other.socket, 'error')) as [Error];
    expect(error.message).toMatch(/self-signed|unable to (get|verify)/);
  });

  it('renews them and is not asked about again, with an absolute path as well', async () => {
    const { certPem: before } = credentials();
    expect(await signCertificate(join(container, 'sonar'))).toEqual({ deviceId });
    expect(credentials().certPem).not.toBe(before);
    expect(await pendingOf(owner)).toEqual([]);
    const connection = connectSecurely(lab, credentials());
    expect((await helloOf(connection))['deviceId']).toBe(deviceId);
    connection.socket.close();
  });

  it('is out at once when the owner ends its session, and stays out', async () => {
    const connection = connectSecurely(lab, credentials());
    await helloOf(connection);
    expect((await owner.call('DELETE', `/api/sessions/${String(deviceId)}`)).status).toBe(204);
    expect(await connection.closed).toBe(4401);
    expect(connection.messages.at(-1)).toEqual({ type: 'session-ended' });
    expect(await refusedWith(connectSecurely(lab, credentials()))).toBe(403);
  });
});
