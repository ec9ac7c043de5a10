import { describe, expect, it } from 'vitest';
import { tunnelSecret } from '../../../src/cloud/tunnel-secret.ts';
import { zoneName } from '../../../src/protocol/names.ts';
import { runLabel } from '../../../src/protocol/run-api.ts';
import type { TunnelGrant } from '../../../src/protocol/zone-api.ts';
import { OwnedFact } from '../../../src/kit/runtime/fact.ts';
import { Household } from './home.ts';
import { grantFor, masterKey, randomBoxId } from './stand-in.ts';

/** As the dns-server grants it to a run that may act since then. */
const grantOf =
  (run: string, since: number) =>
  (boxId: string, { port }: { port: number }): TunnelGrant => {
    const name = `${runLabel({ run: run.repeat(32), since })}.${zoneName(boxId, 'box.test')}`;
    return grantFor(boxId, port, {
      runKite: { name, secret: tunnelSecret(masterKey, name, Date.now()).secret },
    });
  };

describe('two boxes with one identity, and the packaged client of each', () => {
  it('the one that may since later takes over once, and the other one is refused', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const boxId = randomBoxId();
    const before = await (await home.box(relay, { boxId, grant: grantOf('a', 1000) })).connected();
    const after = await (await home.box(relay, { boxId, grant: grantOf('b', 2000) })).connected();
    // It has lost its tunnel, and tries again.
    const { reason } = await before.reaches('rejected');
    expect(reason).toBe('copied-identity');
    expect(before.health.conditions.value).toMatchObject([
      { name: 'tunnel', severity: 'error', remedy: expect.stringContaining('--forget-identity') as string },
    ]);
    expect(after.tunnel.state.value.phase).toBe('connected');
    expect(relay.metrics).toMatchObject({ takeOvers: 1, tunnelsOpened: 2 });
    expect(relay.metrics.refusals['copied-identity']).toBeGreaterThan(0);
    await after.stop();
    await before.connected();
  });

  it('a tunnel of the same run takes over, as one without a run does', async () => {
    await using home = new Household();
    const relay = await home.relay();
    const boxId = randomBoxId();
    await (await home.box(relay, { boxId, grant: grantOf('a', 2000) })).connected();
    const copy = new OwnedFact<boolean | undefined>(false);
    const second = await home.box(relay, { boxId, grant: grantOf('a', 1000), tunnel: { copy } });
    await second.connected();
    expect(relay.metrics.refusals['copied-identity']).toBeUndefined();
    // And the run that is told to be a copy gives up its tunnel.
    copy.set(true);
    expect(await second.reaches('waiting')).toMatchObject({ addresses: [], origin: undefined });
  });
});
