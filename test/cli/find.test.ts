import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { findCommand } from '../../src/cli/find.ts';
import { Talker, TestHome } from '../box/mdns/home.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type Namespace, withoutNamespaces } from '../support/netns.ts';
import { type Ran, run, tooLong } from './run.ts';

const folder = temporaryFolder();
const pins = join(folder, 'pins.json');

interface Announced {
  id: string;
  host: string;
  port: number;
}

async function boxIn(
  machine: Namespace,
  announced: string,
  presented: string,
  name: string,
): Promise<[Talker<Announced>, Announced]> {
  const folders = [announced, presented].map((identity) => join(folder, identity));
  const box = new Talker<Announced>(machine, '../../client/node/box.child.ts', [...folders, name]);
  return [box, await box.hear('the announcement', ({ host }) => host !== undefined)];
}

async function find(machine: Namespace, ...args: string[]): Promise<Ran> {
  const script = join(import.meta.dirname, 'find.child.ts');
  const child = machine.spawn(process.execPath, [script, '--pins', pins, '--wait', '1.5', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out = '', err = ''] = await Promise.all(
    [child.stdout, child.stderr].flatMap((stream) => (stream === null ? [] : [text(stream)])),
  );
  if (child.exitCode === null) await once(child, 'exit');
  return { code: child.exitCode, out, err };
}

describe.skipIf(withoutNamespaces)('on a home network', () => {
  it('lists boxes that prove who they are, knows them again, and refuses a pretender loudly', async ({
    onTestFinished,
  }) => {
    const home = new TestHome();
    onTestFinished(() => home.remove());
    const [me, first, second] = [
      home.plug('192.168.81.1/24'),
      home.plug('192.168.81.2/24'),
      home.plug('192.168.81.3/24'),
    ];
    const nobody = await find(me);
    expect(nobody).toMatchObject({ code: 1, out: '' });
    expect(nobody.err).toContain('no box answers on this network');

    const [[kitchen, { id, host, port }], [attic, other]] = await Promise.all([
      boxIn(first, 'a', 'a', 'Kitchen'),
      boxIn(second, 'b', 'b', 'Attic v2.0'),
    ]);
    const found = await find(me);
    expect(found).toMatchObject({ code: 0, err: '' });
    expect(found.out).toContain(
      `https://${host}:${port}/console\n    192.168.81.2\n    first seen: remembered\n`,
    );
    expect(found.out).toContain(`https://${other.host}:${other.port}/console\n    192.168.81.3\n`);
    expect(tooLong(found.out)).toEqual([]);

    const again = await find(me, '--json');
    expect(JSON.parse(again.out)).toMatchObject([
      { id: other.id, identity: 'known', addresses: ['192.168.81.3'] },
      { id, host, port, identity: 'known', url: `https://${host}:${port}/console` },
    ]);

    // Somebody else repeats what the box said of itself, but does not have its key.
    expect(await kitchen.end()).toBe(0);
    const [pretender] = await boxIn(first, 'a', 'b', 'Kitchen');
    const refused = await find(me);
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('NOT THE BOX IT WAS');
    expect(refused.err).toContain(`${host} is NOT the box it was`);
    expect(refused.err).toContain(`porchlight find --forget ${host}`);

    expect(await find(me, '--forget', host)).toMatchObject({ code: 0 });
    expect(await find(me, '--forget', host)).toMatchObject({ code: 1 });
    expect(await Promise.all([pretender.end(), attic.end()])).toEqual([0, 0]);
  });
});

it.each<[string[], Record<string, string>, RegExp]>([
  [['kitchen'], {}, /takes no “kitchen”/],
  [['--forget'], { HOME: '/nonexistent' }, /name what is to be forgotten/],
  [['--forget', 'x.local'], {}, /there is no HOME/],
  [['--open', '--json'], { HOME: '/nonexistent' }, /--open goes with no other flag/],
])('answers 2 and says why: %j', async (args, env, why) => {
  const { code, err } = await run(findCommand, args, env);
  expect(code).toBe(2);
  expect(err).toMatch(why);
});
