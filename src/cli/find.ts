import { join } from 'node:path';
import { Type } from 'typebox';
import { findBoxes, type LocalBox } from '../client/node/find.ts';
import { Pins } from '../client/node/pins.ts';
import { seconds } from '../kit/clock.ts';
import { command, exitCode, type Io } from '../kit/command.ts';
import { codeOf, messageOf, Problem } from '../kit/errors.ts';
import { wrapped } from '../kit/wrapped.ts';
import { shortId } from '../protocol/names.ts';
import { marks } from './terminal.ts';

const FindConfig = Type.Object({
  wait: Type.Number({
    default: 3,
    minimum: 0.1,
    maximum: 60,
    description: 'seconds to wait for boxes to answer',
  }),
  pins: Type.String({
    default: '',
    description:
      'file that remembers which box was first seen under which name; empty: porchlight/pins.json in the folder for state of the person',
  }),
});

/** `new`: first seen now, and remembered. `known`: the same as then. `changed`: not the same. `silent`: no proof. */
type Identity = 'new' | 'known' | 'changed' | 'silent';

interface Listed extends LocalBox {
  url: string;
  identity: Identity;
  problem?: string;
}

export const findCommand = command({
  name: 'find',
  summary:
    'Lists the boxes on this network, with no cloud: each proves who it is, and that it is the one it was before.',
  operands: '[--forget NAME…]',
  switches: {
    json: 'print JSON',
    forget: 'forget who was seen under these .local names',
  },
  config: FindConfig,
  action: async ({ config, switches, operands }, io) => {
    const forgetting = switches.has('forget');
    if (forgetting && operands.length === 0)
      throw new Problem('usage', 'name what is to be forgotten: --forget NAME.local');
    if (!forgetting && operands[0] !== undefined)
      throw new Problem('usage', `porchlight find takes no “${operands[0]}”; see porchlight find --help`);
    const pins = new Pins(config.pins || usualFile(io));
    if (forgetting) return forget(pins, operands, io);
    const found = await findBoxes({ ms: seconds(config.wait) });
    const boxes = await Promise.all(found.map((box) => proven(box, pins)));
    io.out(switches.has('json') ? `${JSON.stringify(boxes)}\n` : boxes.map(words).join(''));
    for (const { problem } of boxes.filter(({ identity }) => identity === 'changed'))
      io.err(`${wrapped(`porchlight find: ${problem}`)}\n`);
    if (boxes.length === 0) io.err(`${wrapped(nothing)}\n`);
    const good = boxes.length > 0 && boxes.every(({ identity }) => identity !== 'changed');
    return good ? exitCode.ok : exitCode.failed;
  },
});

const nothing =
  'no box answers on this network. Check, in order: the box has power and its network cable; this computer is on the same network, not on a guest network or a VPN; nothing between them blocks multicast (UDP 5353).';

function usualFile({ env }: Io): string {
  const folder = env['XDG_STATE_HOME'] || (env['HOME'] && join(env['HOME'], '.local/state'));
  if (!folder) throw new Problem('usage', 'there is no HOME to keep pins in: name a file with --pins');
  return join(folder, 'porchlight', 'pins.json');
}

/** The box has shown that it holds the identity it announces, and that is the one pinned. */
async function proven(box: LocalBox, pins: Pins): Promise<Listed> {
  const url = `https://${box.host}${box.port === 443 ? '' : `:${box.port}`}${box.path}`;
  const trust = await pins.trust(box);
  try {
    const opened = await pins.open(box, Date.now());
    try {
      await opened.fetch('/ping', { signal: AbortSignal.timeout(5000) });
      return { ...box, url, identity: trust };
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (['storage-failed', 'pins-damaged'].includes(codeOf(error))) throw error;
    const identity = codeOf(error) === 'identity-changed' ? 'changed' : 'silent';
    return { ...box, url, identity, problem: messageOf(error) };
  }
}

const said: Record<Identity, string> = {
  new: 'first seen: remembered',
  known: 'the box it was before',
  changed: 'NOT THE BOX IT WAS: see below',
  silent: 'does not prove who it is',
};

function words({ name, id, url, identity, addresses, problem }: Listed): string {
  const mark = { new: marks.ok, known: marks.ok, changed: marks.error, silent: marks.warning }[identity];
  const why = identity === 'silent' ? `${said.silent}: ${problem}` : said[identity];
  return `${mark} ${name} (${shortId(id)})\n    ${url}\n    ${addresses.join(', ') || 'no address'}\n${wrapped(why, '    ')}\n`;
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
