import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { PorchlightMailbox } from '../../../src/box/auth/instances/porchlight-mailbox.ts';
import { Control } from '../../../src/box/control/control.ts';
import { askControl } from '../../../src/cli/ask-control.ts';
import type { MailboxServer } from '../../../src/cloud/mailbox/mailbox.ts';
import { seconds } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { silentLog } from '../../../src/kit/log/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { mailboxCaPem, startMailbox } from '../../cloud/mailbox/setup.ts';
import { soon } from '../../support/soon.ts';
import { type EnrolmentLab, type Key, newKey, openEnrolmentLab } from '../auth/enrolment/flow.ts';
import { Browser } from '../lab/lab.ts';
import { identity } from '../lab/identity.ts';
import { agent, app, client, device, idsOf, instance, type Living, signIn, page } from '../lab/living.ts';

/** By which call a branch is ended. */
const endings = ['console', 'command line', 'own hand', 'forgotten answer'] as const;
type Ending = (typeof endings)[number];

const state = new OwnedFact(0);
const changes = { next: () => state.set(state.value + 1) };
/** Keys of devices take longest. */
let keys: readonly Key[];
beforeAll(async () => {
  keys = await Promise.all([newKey(), newKey()]);
});

const mailboxOf = ({ port }: MailboxServer): PorchlightMailbox =>
  new PorchlightMailbox({ origin: `https://localhost:${port}`, identity, caPem: mailboxCaPem });

/** A box, and the owner who lets everybody in and ends them; never ended themselves. */
async function open(
  folder: string,
  server: MailboxServer,
  cookie?: string,
): Promise<{ lab: EnrolmentLab; owner: Browser }> {
  const instances = { mailboxes: [mailboxOf(server)], health: new Health(new FakeClock()) };
  const lab = await openEnrolmentLab({}, { folder, changes: [state], instances });
  // Signatures from before the start are refused, by the second.
  await lab.clock.advance(seconds(1));
  const owner = Object.assign(new Browser(lab), { cookie });
  if ((await owner.open())['stage'] === 'first-run') await owner.firstRun();
  return { lab, owner };
}

/** Everybody of the plan, let in by the real calls, parents first. */
async function letIn(
  { lab, owner, server }: { lab: EnrolmentLab; owner: Browser; server: MailboxServer },
  plan: Plan,
): Promise<Living[]> {
  const all: Living[] = [];
  for (const { apps } of plan.signIns) {
    const parent = await signIn(lab, changes);
    all.push(parent);
    for (let made = 0; made < apps; made++) all.push(await app(parent, lab, changes));
  }
  for (const { pages } of plan.agents) {
    const parent = await agent(lab, owner);
    all.push(parent);
    for (let made = 0; made < pages; made++) all.push(await page(parent, lab, changes, `page-${made}`));
  }
  for (let made = 0; made < plan.instances; made++) all.push(await instance(lab, owner, server));
  for (let made = 0; made < plan.clients; made++) all.push(await client(lab, owner));
  for (const key of keys.slice(0, plan.devices)) all.push(await device(lab, owner, key));
  return all;
}

async function end(living: Living, how: Ending, lab: EnrolmentLab, owner: Browser): Promise<void> {
  if (how === 'own hand' && living.leave !== undefined) return living.leave(lab);
  if (how === 'forgotten answer') {
    const { json } = await owner.call('GET', '/api/approvals');
    const remembered = json['remembered'] as { id: string; sessionId: string | null }[];
    const answer = remembered.find(({ sessionId }) => sessionId === living.id);
    if (answer !== undefined) return void (await owner.call('DELETE', `/api/approvals/${answer.id}`));
  }
  if (how === 'command line') {
    const stateFolder = temporaryFolder();
    const control = new Control({ stateFolder, health: new Health(systemClock), log: silentLog }).add((app) =>
      lab.access.control(app),
    );
    await control.start();
    await askControl(stateFolder, { method: 'DELETE', path: `/sessions/${living.id}` });
    await control.stop();
    return;
  }
  await owner.call('DELETE', `/api/sessions/${living.id}`);
}

interface Plan {
  signIns: readonly { apps: number }[];
  agents: readonly { pages: number }[];
  clients: number;
  instances: number;
  devices: number;
  ends: readonly { which: number; how: Ending }[];
}

const plans: fc.Arbitrary<Plan> = fc.record({
  signIns: fc.array(fc.record({ apps: fc.nat({ max: 2 }) }), { minLength: 1, maxLength: 2 }),
  agents: fc.array(fc.record({ pages: fc.nat({ max: 2 }) }), { maxLength: 2 }),
  clients: fc.nat({ max: 2 }),
  instances: fc.nat({ max: 2 }),
  devices: fc.nat({ max: 2 }),
  ends: fc.array(fc.record({ which: fc.nat(), how: fc.constantFrom(...endings) }), {
    minLength: 1,
    maxLength: 4,
  }),
});

describe('every way in', () => {
  it('is closed to whatever is below an ended session: calls, open sockets, new ones, and after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const folder = temporaryFolder();
        const server = await startMailbox();
        const { lab, owner } = await open(folder, server);
        const all = await letIn({ lab, owner, server }, plan);
        const sockets = new Map<Living, WebSocket | undefined>();
        for (const living of all) sockets.set(living, await living.connect?.(lab));
        const ended = new Set<Living>();
        const isOver = (living: Living | undefined): boolean =>
          living !== undefined && (ended.has(living) || isOver(living.parent));

        for (const { which, how } of plan.ends) {
          const living = all[which % all.length];
          if (living === undefined || isOver(living)) continue;
          await end(living, how, lab, owner);
          ended.add(living);
          const expected = all.map((each) => [each.kind, how, !isOver(each)]);
          const open = (): unknown[] =>
            all.map((each) => [each.kind, how, isOpen(sockets.get(each)) ?? !isOver(each)]);
          await expect.poll(open, soon).toEqual(expected);
          const works = all.map(async (each) => [each.kind, how, await each.works(lab)]);
          expect(await Promise.all(works)).toEqual(expected);
        }
        await check(all, isOver, lab, owner);
        for (const socket of sockets.values()) socket?.terminate();
        await lab.close();
        const again = await open(folder, server, owner.cookie);
        await check(all, isOver, again.lab, again.owner);
        await again.lab.close();
      }),
      { numRuns: 6, endOnFailure: true },
    );
  }, 120_000);
});

const isOpen = (socket: WebSocket | undefined): boolean | undefined =>
  socket && socket.readyState === WebSocket.OPEN;

/** What is over is in no list, and neither works, connects nor returns; the others do. */
async function check(
  all: readonly Living[],
  isOver: (living: Living) => boolean,
  lab: EnrolmentLab,
  owner: Browser,
): Promise<void> {
  const listed = await idsOf(owner);
  for (const each of all) {
    const over = isOver(each);
    const socket = await each.connect?.(lab);
    socket?.terminate();
    const seen = {
      listed: listed.includes(each.id),
      works: await each.works(lab),
      connects: each.connect === undefined ? !over : socket !== undefined,
    };
    expect({ kind: each.kind, ...seen, returns: over && (await each.returns(lab)) }).toEqual({
      kind: each.kind,
      listed: !over,
      works: !over,
      connects: !over,
      returns: false,
    });
    // Many are let in at the same moment here: their limits fill up again.
    await lab.clock.advance(seconds(2));
  }
}
