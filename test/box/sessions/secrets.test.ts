import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PorchlightMailbox } from '../../../src/box/auth/instances/porchlight-mailbox.ts';
import { seconds } from '../../../src/kit/runtime/clock.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Health } from '../../../src/kit/runtime/health.ts';
import { createLog } from '../../../src/kit/log/log.ts';
import { mailboxCaPem, startMailbox } from '../../cloud/mailbox/setup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { newKey, openEnrolmentLab } from '../auth/enrolment/flow.ts';
import { identity } from '../lab/identity.ts';
import { Browser, password } from '../lab/lab.ts';
import { agent, app, client, device, instance, type Living, signIn, page } from '../lab/living.ts';

/** Every file below `folder`, as it lies on the disk. */
function filesOf(folder: string): { path: string; content: Buffer }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => ({ path, content: readFileSync(path) }));
}

it('lets nothing that opens a door be read in the log, however talkative, or on the disk', async () => {
  const folder = temporaryFolder();
  const state = new OwnedFact(0);
  const changes = { next: () => state.set(state.value + 1) };
  const lines: string[] = [];
  const log = createLog({ level: 'trace', format: 'json', write: (line) => lines.push(line) });
  const server = await startMailbox({ log });
  const mailbox = new PorchlightMailbox({
    origin: `https://localhost:${server.port}`,
    identity,
    caPem: mailboxCaPem,
  });
  const instances = { mailboxes: [mailbox], health: new Health(new FakeClock()) };
  const lab = await openEnrolmentLab({}, { folder, log, changes: [state], instances });
  await lab.clock.advance(seconds(1));
  const secrets = [password, lab.access.setupCode ?? ''];
  const owner = new Browser(lab);
  const { json: claimed } = await owner.firstRun();
  const { json: invited } = await owner.call('POST', '/api/people', { body: { name: 'Bo', role: 'member' } });
  secrets.push(String(claimed['recoveryCode']), String(invited['inviteCode']));

  const browser = await signIn(lab, changes);
  const agentOf = await agent(lab, owner);
  const all: Living[] = [browser, agentOf];
  all.push(await app(browser, lab, changes), await page(agentOf, lab, changes, 'page'));
  all.push(await client(lab, owner), await device(lab, owner, await newKey()));
  all.push(await instance(lab, owner, server));
  for (const each of all) {
    secrets.push(...each.secrets);
    const socket = await each.connect?.(lab);
    await each.works(lab);
    await owner.call('DELETE', `/api/sessions/${each.id}`);
    await each.returns(lab);
    socket?.terminate();
  }
  // What comes up where it goes wrong.
  for (const secret of secrets)
    await owner.call('POST', '/api/login', { body: { name: secret, password: secret } });

  expect(secrets.every((secret) => secret.length >= 8 && secret !== 'undefined')).toBe(true);
  expect(lines.length).toBeGreaterThan(0);
  const said = lines.join('\n');
  expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
  const files = filesOf(folder);
  expect(files.map(({ path }) => path).join()).toContain('access.sqlite');
  const found = files.flatMap(({ path, content }) =>
    secrets.filter((secret) => content.includes(secret)).map((secret) => `${secret} in ${path}`),
  );
  expect(found).toEqual([]);
});
