import { createHash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import type { LocalBox } from '../../../src/client/node/find.ts';
import { folderStore } from '../../../src/client/node/folder-store.ts';
import { openPinnedPairing } from '../../../src/client/node/pinned-pairing.ts';
import { Pins } from '../../../src/client/node/pins.ts';
import type { PairingClient } from '../../../src/client/pairing-client.ts';
import { boxId, Browser, type Lab, names, openLab } from '../../box/lab/lab.ts';
import { decide, pendingOf } from '../../box/auth/pairing/flow.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { soon } from '../../support/soon.ts';

const host = 'porchlight-kitchen.local';

/** As `findBoxes` would find it, with the certificate that it really presents. */
async function foundAt(lab: Lab): Promise<LocalBox> {
  const socket = connect({ host: '127.0.0.1', port: lab.port, servername: names.main, ca: lab.caPem });
  const raw = await new Promise<Buffer>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(socket.getPeerCertificate().raw));
  });
  socket.destroy();
  const fingerprint = createHash('sha256').update(new X509Certificate(raw).raw).digest('hex');
  return {
    name: 'Kitchen',
    id: boxId,
    host,
    port: lab.port,
    path: '/',
    addresses: ['127.0.0.1'],
    fingerprint,
  };
}

async function reaches(client: PairingClient, phase: string): Promise<void> {
  await expect.poll(() => client.state.value.phase, soon).toBe(phase);
}

it('is let in as an agent by a box whose identity is pinned, and is known when it starts again', async () => {
  const lab = await openLab();
  const owner = new Browser(lab);
  await owner.firstRun();
  const folder = temporaryFolder();
  const store = folderStore(join(folder, 'agent'));
  const pins = new Pins(join(folder, 'pins.json'));
  const box = await foundAt(lab);
  const open = async (): Promise<PairingClient> => {
    const given = {
      box,
      pins,
      name: 'Agent on desk',
      kind: 'agent',
      store,
      now: 0,
    } as const;
    const { client, close } = await openPinnedPairing(given);
    onTestFinished(close);
    client.start();
    return client;
  };
  const client = await open();
  await reaches(client, 'asking');
  expect(await pendingOf(owner)).toMatchObject([{ label: 'Agent on desk', kind: 'agent' }]);
  await decide(owner, true, client.state.value.code ?? '');
  await reaches(client, 'connected');
  const me = await client.fetch('/api/me');
  expect(await me.json()).toMatchObject({ session: { kind: 'agent' } });
  expect(await store.keys()).toEqual([`pairing:${host}`]);
  await client.close();

  await reaches(await open(), 'connected');
  expect(await pendingOf(owner)).toEqual([]);

  // Somebody else answers under this name: nothing is sent.
  const pretender = { ...box, fingerprint: 'e'.repeat(64) };
  const given = { box: pretender, pins, name: 'Agent', store, now: 0 };
  await expect(openPinnedPairing(given)).rejects.toMatchObject({ code: 'identity-changed' });
});
