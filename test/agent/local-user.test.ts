import { execFile } from '../support/programs.ts';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isSameUser, userOf } from '../../src/agent/local-user.ts';
import { agentPaths } from '../../src/protocol/agent-api.ts';
import { appOrigin } from '../box/lab/lab.ts';
import { temporaryFolder } from '../support/folder.ts';
import { openComputer } from './computer.ts';

const uid = process.getuid?.();
const notRoot = uid === 0 ? undefined : 'needs root, to be another user';

/** As the kernel writes it. */
const row = (local: string, remote: string, user: number): string =>
  `   5: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000  ${user}        0 9 1 0 20 4 30 10 -1`;

describe('whose program is at the other end', () => {
  it('is told by the kernel’s table of sockets', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    onTestFinished(() => void server.close());
    const same = new Promise<boolean[]>((resolve) =>
      server.once('connection', (socket) =>
        resolve(
          Promise.all([isSameUser(socket, uid), isSameUser(socket, 12_345), isSameUser(socket, undefined)]),
        ),
      ),
    );
    const client = connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    expect(await same).toEqual([true, process.platform !== 'linux', true]);
  });

  it('is read from the row of exactly that connection', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      row('0100007F:A028', '0100007F:D431', 1),
      row('0100007F:D431', '0100007F:A029', 2),
      row('0A00000A:D431', '0100007F:A028', 3),
      row('0100007F:D431', '0100007F:A028', 1000),
      row('0000000000000000FFFF00000100007F:D432', '0000000000000000FFFF00000100007F:A028', 1001),
    ].join('\n');
    expect(userOf(table, 0xd431, 0xa028)).toBe(1000);
    expect(userOf(table, 0xd432, 0xa028)).toBe(1001);
    expect(userOf(table, 0xd433, 0xa028)).toBeUndefined();
  });

  it('is asked of the same connection, and not of one from another address of loopback', async () => {
    const tables = temporaryFolder();
    const head =
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
    writeFileSync(`${tables}/tcp`, [head, row('0100007F:D431', '0100007F:A028', 1000)].join('\n'));
    const from = (remoteAddress: string): Promise<boolean> =>
      isSameUser({ remoteAddress, remotePort: 0xd431, localPort: 0xa028 }, 1000, tables);
    // There is no table of IPv6, as on a system without it: nobody is let in for that.
    expect(await from('127.0.0.1')).toBe(true);
    expect(await from('127.0.0.2')).toBe(false);
    writeFileSync(`${tables}/tcp`, `${head}\n`);
    expect(await from('127.0.0.1')).toBe(false);
    writeFileSync(
      `${tables}/tcp6`,
      [
        head,
        row('0000000000000000FFFF00000100007F:D431', '0000000000000000FFFF00000100007F:A028', 1000),
      ].join('\n'),
    );
    expect(await from('127.0.0.1')).toBe(true);
    expect(
      await isSameUser({ remoteAddress: '127.0.0.1', remotePort: 1, localPort: 2 }, 1000, `${tables}/none`),
    ).toBe(true);
  });

  it.skipIf(notRoot !== undefined)(`decides whether the agent answers ${notRoot ?? ''}`, async () => {
    const { agent, page } = await openComputer();
    const url = `http://127.0.0.1:${agent.port}${agentPaths.alive}`;
    const script = `fetch('${url}',{headers:{origin:'${appOrigin}'}}).then(async r=>console.log(r.status,await r.text()))`;
    const as = ['--reuid=65534', '--clear-groups', process.execPath, '-e', script];
    const { stdout } = await promisify(execFile)('setpriv', as);
    expect(stdout).toMatch(/^403 .*"other-user"/);
    expect((await page('GET', agentPaths.alive)).status).toBe(200);
    // Nor from the port that a browser of this user holds open, at another address of loopback.
    const browser = connect(agent.port, '127.0.0.1');
    onTestFinished(() => void browser.destroy());
    await once(browser, 'connect');
    const imitation = `require('node:http').get({host:'127.0.0.1',port:${agent.port},localAddress:'127.0.0.2',localPort:${browser.localPort},path:'${agentPaths.alive}',headers:{origin:'${appOrigin}'}},r=>r.resume()&&console.log(r.statusCode))`;
    const imitated = await promisify(execFile)('setpriv', [...as.slice(0, -1), imitation]);
    expect(imitated.stdout).toBe('403\n');
  });
});
