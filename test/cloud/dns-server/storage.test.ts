import { execFileSync } from '../../support/programs.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ZoneStore } from '../../../src/cloud/dns-server/store.ts';
import { emptyZone } from '../../../src/cloud/dns-server/zone-content.ts';
import { Child } from '../../../src/kit/runtime/child.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { lookUp } from './dns-client.ts';
import { zoneRoot } from './options.ts';
import { ApiCaller, createTestIdentity, serverOptions, type TestIdentity } from './support.ts';

const program = fileURLToPath(new URL('server.child.ts', import.meta.url));
const empty = { main: [], mirrors: {}, tunnel: [] };

interface Started {
  child: Child;
  said: { dnsPort: number; apiPort: number; code?: string; message?: string };
}

describe('the zone store', () => {
  const folder = temporaryFolder();
  const ends: (() => Promise<unknown>)[] = [];
  const tlsFile = join(folder, 'tls.json');
  let caPem: string;

  beforeAll(async () => {
    const options = await serverOptions(folder);
    caPem = options.caPem;
    writeFileSync(tlsFile, JSON.stringify(options.apiTls));
  });

  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  /** Starts a dns-server of its own process; `before` are shell commands run first, in mount namespace of its own. */
  async function start(stateFolder: string, before?: string): Promise<Started> {
    const said = Promise.withResolvers<string>();
    const lines: string[] = [];
    const own = [process.execPath, program, stateFolder, tlsFile];
    const [command = '', ...args] =
      before === undefined ? own : ['unshare', '--mount', 'sh', '-ec', `${before}; exec "$0" "$@"`, ...own];
    const onLine = (text: string): void => {
      lines.push(text);
      if (text.startsWith('{')) said.resolve(text);
    };
    const child = new Child({ command, args, onLine });
    ends.push(() => child.stop());
    void child.exited.then(() => said.reject(new Error(`it ended: ${lines.join('\n')}`)));
    return { child, said: JSON.parse(await said.promise) as Started['said'] };
  }

  function callerOf({ said }: Started, identity: TestIdentity): ApiCaller {
    const api = new ApiCaller(said.apiPort, caPem, identity);
    ends.push(() => api.close());
    return api;
  }

  it('keeps what was acknowledged when the process is killed in the next moment', async () => {
    const stateFolder = join(folder, 'killed');
    const identity = await createTestIdentity();
    for (const last of [1, 2, 3]) {
      const started = await start(stateFolder);
      const api = callerOf(started, identity);
      const { status } = await api.call('PUT', `/v1/zones/${identity.boxId}`, {
        ...empty,
        main: [`10.0.0.${last}`],
      });
      started.child.kill('SIGKILL');
      expect(status).toBe(200);
      await started.child.exited;
      const store = new ZoneStore(stateFolder);
      await store.open();
      expect(store.read(identity.boxId)?.content.records.main).toEqual([`10.0.0.${last}`]);
      store.close();
    }
  });

  const notRoot = process.getuid?.() !== 0;
  if (notRoot)
    process.stderr.write('SKIPPED: full and read-only disks of the dns-server, which only root may mount\n');

  it.skipIf(notRoot)(
    'answers storage-failed on a full disk, goes on serving, and recovers with the space',
    async () => {
      const stateFolder = join(folder, 'full');
      mkdirSync(stateFolder);
      const fill = `mount -t tmpfs -o size=256k,mode=700 none ${stateFolder}; head -c 32k /dev/zero > ${stateFolder}/filler`;
      const started = await start(stateFolder, fill);
      const identities: [TestIdentity, TestIdentity] = await Promise.all([
        createTestIdentity(),
        createTestIdentity(),
      ]);
      const [first, second] = identities.map((identity) => callerOf(started, identity));
      const [{ boxId }, { boxId: secondId }] = identities;
      expect((await first?.call('PUT', `/v1/zones/${boxId}`, { ...empty, main: ['10.0.0.1'] }))?.status).toBe(
        200,
      );
      // Every change takes some room in the write-ahead log; sooner or later there is none.
      let answer;
      let written = 0;
      do {
        answer = await second?.call('PUT', `/v1/zones/${secondId}`, {
          ...empty,
          main: [`10.0.1.${written}`],
        });
        written++;
      } while (answer?.status === 200 && written < 100);
      expect(answer).toMatchObject({ status: 507, body: { code: 'storage-full', retryAfterSeconds: 30 } });
      expect(JSON.stringify(answer?.body)).not.toContain(stateFolder);
      expect(await lookUp(started.said.dnsPort, `${boxId}.${zoneRoot}`, 'A')).toEqual(['10.0.0.1']);
      const acknowledged = `10.0.1.${written - 2}`;
      expect(await lookUp(started.said.dnsPort, `${secondId}.${zoneRoot}`, 'A')).toEqual([acknowledged]);
      expect((await second?.call('GET', `/v1/zones/${secondId}`))?.body).toMatchObject({
        records: { main: [acknowledged] },
      });
      execFileSync('nsenter', ['--mount', `--target=${started.child.pid}`, 'rm', `${stateFolder}/filler`]);
      expect(
        (await second?.call('PUT', `/v1/zones/${secondId}`, { ...empty, main: ['10.0.2.1'] }))?.status,
      ).toBe(200);
    },
  );

  it.skipIf(notRoot)('says which folder it cannot write when it is read-only', async () => {
    const stateFolder = join(folder, 'read-only');
    mkdirSync(stateFolder);
    const mount = `mount -t tmpfs -o ro none ${stateFolder}`;
    const { said } = await start(stateFolder, mount);
    expect(said).toMatchObject({ code: 'storage-read-only' });
    expect(said.message).toContain(stateFolder);
  });

  it('refuses a store that a newer program has written', async () => {
    const stateFolder = join(folder, 'newer');
    const store = new ZoneStore(stateFolder);
    await store.open();
    store.close();
    const database = new DatabaseSync(join(stateFolder, 'zones.sqlite'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    await expect(store.open()).rejects.toMatchObject({ code: 'store-too-new' });
  });

  it('moves the serial forward with every change, and only then, across restarts and the end of the number space', async () => {
    const stateFolder = join(folder, 'serial');
    const store = new ZoneStore(stateFolder);
    await store.open();
    const first = store.change('x', () => emptyZone)?.serial ?? 0;
    expect(store.change('x', () => ({ ...emptyZone }))?.serial).toBe(first);
    expect(() => store.change('x', () => { throw new Error('no'); })).toThrow('no'); // prettier-ignore
    expect(store.serial).toBe(first);
    store.close();
    const database = new DatabaseSync(join(stateFolder, 'zones.sqlite'));
    database.exec('UPDATE serial SET value = 4294967295');
    database.close();
    await store.open();
    expect(store.change('y', () => emptyZone)?.serial).toBe(0);
    expect([store.serial, store.count]).toEqual([0, 2]);
    store.change('y', () => undefined);
    expect([store.serial, store.count, store.read('y')]).toEqual([1, 1, undefined]);
    store.close();
  });
});
