import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/kit/log/log.ts';
import { type Service, ServiceGroup } from '../../../src/kit/runtime/service.ts';

/** Parts that write down what happens to them; `fails` names calls that throw: `b.start`. */
function parts(names: readonly string[], events: string[], fails: readonly string[] = []): Service[] {
  const does = (event: string): Promise<void> => {
    events.push(event);
    return fails.includes(event) ? Promise.reject(new Error(event)) : Promise.resolve();
  };
  return names.map((name) => ({
    name,
    start: () => does(`${name}.start`),
    stop: () => does(`${name}.stop`),
  }));
}

const signal = new AbortController().signal;

describe('ServiceGroup', () => {
  it('starts in order and stops in reverse, once', async () => {
    const events: string[] = [];
    const group = new ServiceGroup({ name: 'g', parts: parts(['a', 'b'], events), log: silentLog });
    expect(events).toEqual([]);
    await group.start(signal);
    await group.stop();
    await group.stop();
    expect(events).toEqual(['a.start', 'b.start', 'b.stop', 'a.stop']);
  });

  it('stops what it had started, the failed part included, when a part fails to start', async () => {
    const events: string[] = [];
    const group = new ServiceGroup({
      name: 'g',
      parts: parts(['a', 'b', 'c'], events, ['b.start']),
      log: silentLog,
    });
    await expect(group.start(signal)).rejects.toThrow('b.start');
    expect(events).toEqual(['a.start', 'b.start', 'b.stop', 'a.stop']);
    await group.stop();
    expect(events).toHaveLength(4);
  });

  it('stops the other parts when one fails to stop', async () => {
    const events: string[] = [];
    const group = new ServiceGroup({
      name: 'g',
      parts: parts(['a', 'b', 'c'], events, ['b.stop']),
      log: silentLog,
    });
    await group.start(signal);
    await group.stop();
    expect(events.slice(3)).toEqual(['c.stop', 'b.stop', 'a.stop']);
  });

  it('stops what it had started when the start is aborted', async () => {
    const events: string[] = [];
    const abort = new AbortController();
    const [a, b] = parts(['a', 'b'], events);
    const aborting: Service = {
      name: 'aborting',
      start: () => Promise.resolve(abort.abort()),
      stop: () => Promise.resolve(void events.push('aborting.stop')),
    };
    const all = [a, aborting, b].filter((part) => part !== undefined);
    const group = new ServiceGroup({ name: 'g', parts: all, log: silentLog });
    await expect(group.start(abort.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(events).toEqual(['a.start', 'aborting.stop', 'a.stop']);
  });

  it('may be stopped without a start, and started again', async () => {
    const events: string[] = [];
    const group = new ServiceGroup({ name: 'g', parts: parts(['a'], events), log: silentLog });
    await group.stop();
    for (const _ of [1, 2]) {
      await group.start(signal);
      await group.stop();
    }
    expect(events).toEqual(['a.start', 'a.stop', 'a.start', 'a.stop']);
  });
});
