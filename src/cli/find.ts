import { join } from 'node:path';
import { Type } from 'typebox';
import { findBoxes } from '../client/node/find.ts';
import { Pins } from '../client/node/pins.ts';
import { seconds, systemClock } from '../kit/runtime/clock.ts';
import { command, exitCode, type Io } from '../kit/config/command.ts';
import { Problem } from '../kit/runtime/errors.ts';
import { runUntilEnded } from '../kit/runtime/run.ts';
import { wrapped } from '../kit/runtime/wrapped.ts';
import { shortId } from '../protocol/names.ts';
import { LocalProxy } from './find/local-proxy.ts';
import { identityWords, type Listed, proven } from './find/proven.ts';
import { marks } from './terminal.ts';

const FindConfig = Type.Object({
  wait: Type.Number({
    default: 3,
    minimum: 0.1,
    maximum: 60,
    description: 'seconds to wait for boxes to answer',
  }),
  port: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 65_535,
    description: 'for --open: port of the pages on this computer; 0: a free one',
  }),
  pins: Type.String({
    default: '',
    description:
      'file that remembers which box was first seen under which name; empty: porchlight/pins.json in the folder for state of the person',
  }),
});

export const findCommand = command({
  name: 'find',
  summary:
    'Lists the boxes on this network, with no cloud: each proves who it is, and that it is the one it was before.',
  operands: '[--open | --forget NAME…]',
  switches: {
    json: 'print JSON',
    open: 'open them in the browser of this computer, until Ctrl-C',
    forget: 'forget who was seen under these .local names',
  },
  config: FindConfig,
  action: async ({ config, switches, operands }, io) => {
    const forgetting = switches.has('forget');
    if (forgetting && operands.length === 0)
      throw new Problem('usage', 'name what is to be forgotten: --forget NAME.local');
    if (!forgetting && operands[0] !== undefined)
      throw new Problem('usage', `porchlight find takes no “${operands[0]}”; see porchlight find --help`);
    if (switches.has('open') && switches.size > 1)
      throw new Problem('usage', '--open goes with no other flag; see porchlight find --help');
    const pins = new Pins(config.pins || usualFile(io));
    if (forgetting) return forget(pins, operands, io);
    const look = async (signal?: AbortSignal): Promise<Listed[]> => {
      const found = await findBoxes({
        ms: seconds(config.wait),
        ...(signal === undefined ? {} : { signal }),
      });
      return Promise.all(found.map((box) => proven(box, pins)));
    };
    if (switches.has('open'))
      return open(new LocalProxy({ pins, look, nothing, port: config.port, clock: systemClock }), io);
    const boxes = await look();
    if (switches.has('json')) io.out(`${JSON.stringify(boxes)}\n`);
    else io.out(boxes.map(words).join(''));
    warn(boxes, io);
    const good = boxes.length > 0 && boxes.every(({ identity }) => identity !== 'changed');
    return good ? exitCode.ok : exitCode.failed;
  },
});

/** What must not be overlooked. */
function warn(boxes: readonly Listed[], io: Io): void {
  for (const { problem } of boxes.filter(({ identity }) => identity === 'changed'))
    io.err(`${wrapped(`porchlight find: ${problem}`)}\n`);
  if (boxes.length === 0) io.err(`${wrapped(nothing)}\n`);
}

const nothing =
  'no box answers on this network. Check, in order: the box has power and its network cable; this computer is on the same network, not on a guest network or a VPN; nothing between them blocks multicast (UDP 5353).';

function usualFile({ env }: Io): string {
  const folder = env['XDG_STATE_HOME'] || (env['HOME'] && join(env['HOME'], '.local/state'));
  if (!folder) throw new Problem('usage', 'there is no HOME to keep pins in: name a file with --pins');
  return join(folder, 'porchlight', 'pins.json');
}

function words({ name, id, url, identity, addresses, problem }: Listed): string {
  const mark = { new: marks.ok, known: marks.ok, changed: marks.error, silent: marks.warning }[identity];
  const why = identity === 'silent' ? `${identityWords.silent}: ${problem}` : identityWords[identity];
  // Boxes on a network with others of their kind have the short id in their name.
  const whole = name.includes(shortId(id)) ? name : `${name} (${shortId(id)})`;
  return `${mark} ${whole}\n    ${url}\n    ${addresses.join(', ') || 'no address'}\n${wrapped(why, '    ')}\n`;
}

async function open(proxy: LocalProxy, io: Io): Promise<number> {
  io.err('looking for boxes on this network…\n');
  await runUntilEnded({
    name: proxy.name,
    start: async (signal) => {
      await proxy.start(signal);
      io.out(proxy.boxes.map(words).join(''));
      warn(proxy.boxes, io);
      io.out(
        `Open in the browser of this computer (works once; Ctrl-C ends all):\n    ${proxy.newAddress()}\n`,
      );
    },
    stop: () => proxy.stop(),
  });
  return exitCode.ok;
}

async function forget(pins: Pins, hosts: readonly string[], io: Io): Promise<number> {
  let all = true;
  for (const host of hosts) {
    const was = await pins.forget(host.toLowerCase());
    all &&= was;
    if (was) io.out(`${host} is forgotten: whoever is found there next is trusted\n`);
    else io.err(`porchlight find: nothing is remembered of ${host}\n`);
  }
  return all ? exitCode.ok : exitCode.failed;
}
