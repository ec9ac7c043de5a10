import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { DeviceCa } from '../../src/box/auth/enrolment/device-ca.ts';
import { carryOut } from '../../src/box/state/pending.ts';
import { doAsAsked } from '../../src/box/card/asked.ts';
import { boxStateFiles } from '../../src/box/state/state-list.ts';
import { BundleFolder } from '../../src/box/update/bundle-folder.ts';
import { keepStateBefore } from '../../src/box/update/state-before.ts';
import { TrialMarks } from '../../src/box/update/trial-marks.ts';
import { noRecord, UpdateMemory } from '../../src/box/update/update-record.ts';
import { cloudStateFiles } from '../../src/cloud/state-list.ts';
import { systemClock } from '../../src/kit/runtime/clock.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { isBeingMade, type StateFile, stateFileAt } from '../../src/kit/store/state-file.ts';
import { atEnd } from '../support/at-end.ts';
import { filesIn } from './damage.ts';
import { House } from './house.ts';
import { Program, type Running } from './program.ts';
import { Random } from './random.ts';
import { type Witnesses, witnessesOf } from './witnesses.ts';

/** Short: a socket's path has to fit. */
const folder = mkdtempSync(join(tmpdir(), 'plt-'));
atEnd(() => rmSync(folder, { recursive: true, force: true }));
const [box, cloud] = [join(folder, 'box'), join(folder, 'cloud')];

/** Every file that was ever seen, looked for every few milliseconds: some are there for a moment. */
function watched(): { seen: Record<'box' | 'cloud', Set<string>>; stop: () => void } {
  const seen = { box: new Set<string>(), cloud: new Set<string>() };
  const look = (): void => {
    for (const [name, root] of [
      ['box', box],
      ['cloud', cloud],
    ] as const)
      try {
        for (const path of filesIn(root)) if (!isBeingMade(path)) seen[name].add(path);
      } catch {
        // A folder went while it was looked at.
      }
  };
  const timer = setInterval(look, 5);
  return {
    seen,
    stop: () => {
      clearInterval(timer);
      look();
    },
  };
}

/** What owners and everyday life make a box keep. */
async function live(house: House, { residents }: Witnesses, process: Running): Promise<void> {
  let actions = 30;
  await residents.work(() => actions-- <= 0);
  await residents.asOwner('PUT', '/api/settings', {
    body: { name: 'Seen', tunnel: true, discovery: 'always' },
  });
  await residents.asOwner('PUT', '/api/update/settings', { body: { channel: 'stable', paused: false } });
  await expect
    .poll(async () => (await house.status('box', process))?.tunnel.phase, { timeout: 120_000 })
    .toBe('connected');
  // When the CA wants the certificate renewed is asked a while after it was made.
  await expect.poll(() => filesIn(box).includes('certificate/renewal.json'), { timeout: 60_000 }).toBe(true);
  const body = { passphrase: 'a lamp beside the harbour' };
  const { backup } = (await residents.asOwner('POST', '/api/backup', { body })).json;
  expect((await residents.asOwner('POST', '/api/restore', { body: { ...body, backup } })).status).toBe(202);
  await process.exited;
}

/** What an appliance keeps besides: by the parts themselves. */
async function asAnAppliance(): Promise<void> {
  await new DeviceCa({
    path: join(box, 'access/enrolment/device-ca.pem'),
    commonName: 'Devices',
    clock: systemClock,
  }).open();
  await new UpdateMemory({ stateFolder: box, log: silentLog }).writeRecord(noRecord);
  const bundles = new BundleFolder(join(box, '.update'));
  await bundles.write(
    bundles.uploaded,
    (async function* () {
      yield Buffer.from('a bundle');
    })(),
  );
  const [marks, card] = [join(folder, 'marks'), join(folder, 'card')];
  for (const made of [marks, card]) mkdirSync(made);
  writeFileSync(join(marks, 'on-trial'), 'B\n');
  await keepStateBefore(box, '99.0.0', new TrialMarks(marks));
  const request = { id: 'x', action: 'restore', passphrase: 'none' };
  writeFileSync(join(card, 'request.json'), JSON.stringify(request));
  await doAsAsked(card, box);
}

it('every file below the state folders is on the list, and every entry of the list appears', async () => {
  mkdirSync(join(folder, 'program'));
  const house = await House.open(join(folder, 'house'), await Program.build(join(folder, 'program')), true);
  const processes: Running[] = [];
  const started = (process: Running): Running => {
    processes.push(process);
    return process;
  };
  const { seen, stop } = watched();
  try {
    const first = started(house.startBox(box));
    started(house.startCloud(cloud));
    const status = await house.status('box', first);
    if (status === undefined) throw new Error(first.said);
    const witnesses = await witnessesOf(house, status, new Random(1));
    let some = 8;
    await witnesses.neighbours.work(() => some-- <= 0);
    await live(house, witnesses, first);
    witnesses.close();
    // As the next start does, which would be done with some of it within a moment.
    expect((await carryOut(box))?.action).toBe('restore');
    await sleep(50);
    const again = started(house.startBox(box));
    expect((await house.status('box', again))?.boxId).toBe(status.boxId);
    await again.end('SIGTERM');
    await asAnAppliance();
    await sleep(50);
  } finally {
    stop();
    for (const process of processes) if (!process.ended) await process.end('SIGTERM');
    await house.close();
  }
  expect(unlisted(boxStateFiles, seen.box)).toEqual([]);
  expect(unlisted(cloudStateFiles, seen.cloud)).toEqual([]);
  expect(unseen(boxStateFiles, seen.box)).toEqual([]);
  expect(unseen(cloudStateFiles, seen.cloud)).toEqual([]);
}, 400_000);

const unlisted = (list: readonly StateFile[], seen: ReadonlySet<string>): string[] =>
  [...seen].filter((path) => stateFileAt(list, path) === undefined);

const unseen = (list: readonly StateFile[], seen: ReadonlySet<string>): string[] =>
  list
    .map(({ path }) => path)
    .filter((path) => ![...seen].some((one) => stateFileAt(list, one)?.path === path));
