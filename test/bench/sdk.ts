import { BoxConnection } from '../../src/client/box-connection.ts';
import { StandIn } from '../client/stand-in.ts';
import { type BenchRow, median } from './bench-row.ts';

const rounds = 15;

/**
 * What a page sees when a name of the box stops working under it: from the request that meets the dead name to the first
 * answer, over real TLS on loopback. `refuses`: the address is another device's, or nobody's and the network says so.
 * `silent`: packets disappear.
 */
export async function benchSdk(): Promise<BenchRow[]> {
  const open = ['a', 'remote'] as const;
  return [
    await row('repeated over a mirror, main refuses', 'refuses', open),
    await row('repeated through the tunnel, main and mirrors refuse', 'refuses', ['remote']),
    await row('repeated over a mirror, main is silent', 'silent', open, 3),
    await row('repeated through the tunnel, main and mirrors are silent', 'silent', ['remote'], 3),
  ];
}

async function row(
  name: string,
  mode: 'refuses' | 'silent',
  open: readonly ('a' | 'remote')[],
  times = rounds,
): Promise<BenchRow> {
  const all: number[] = [];
  for (let round = 0; round < times; round++) all.push(await measure(mode, open));
  const note =
    mode === 'refuses'
      ? `median of ${times}; from the request to the answer by the other way, with a new TLS connection`
      : `median of ${times}; 0.5 s of silence until a way is asked, 1.5 s until it is given up`;
  return { name, value: median(all), unit: 'ms', note };
}

async function measure(mode: 'refuses' | 'silent', open: readonly ('a' | 'remote')[]): Promise<number> {
  const box = await StandIn.start();
  const remembered = box.remembered();
  const boxes = await box.boxes(remembered);
  const connection = new BoxConnection({
    box: remembered,
    boxes,
    localAllowed: true,
    runtime: box.runtime(),
  });
  try {
    await (await connection.fetch('/api/echo')).json();
    box.only(mode, ...open);
    const begun = performance.now();
    const answer = await connection.fetch('/api/echo');
    const took = performance.now() - begun;
    const { by } = (await answer.json()) as { by: string };
    if (by !== open[0]) throw new Error(`answered by ${by}, not ${open[0]}`);
    return took;
  } finally {
    await connection.close();
    await box.stop();
  }
}
