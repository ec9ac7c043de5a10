import { describe, expect, it } from 'vitest';
import { runUntilEnded } from '../../../src/kit/runtime/run.ts';
import type { Service } from '../../../src/kit/runtime/service.ts';

/** A service that writes down what happens to it. */
function service(
  events: string[],
  start: (signal: AbortSignal) => Promise<void> = () => Promise.resolve(),
): Service {
  return {
    name: 'tested',
    start: (signal) => {
      events.push('start');
      return start(signal);
    },
    stop: () => Promise.resolve(void events.push('stop')),
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });
}

const failing = (): Promise<void> => Promise.reject(new Error('no port'));
const listeners = (): number => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');

describe('runUntilEnded', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('stops in order on %s', async (signal) => {
    const events: string[] = [];
    const before = listeners();
    const running = runUntilEnded(service(events));
    await Promise.resolve();
    process.emit(signal);
    await running;
    expect(events).toEqual(['start', 'stop']);
    expect(listeners()).toBe(before);
  });

  it('ends a slow start that is asked to end, without an error', async () => {
    const events: string[] = [];
    const running = runUntilEnded(service(events, untilAborted));
    process.emit('SIGTERM');
    await running;
    expect(events).toEqual(['start', 'stop']);
  });

  it('throws what the start throws, after stopping', async () => {
    const events: string[] = [];
    await expect(runUntilEnded(service(events, failing))).rejects.toThrow('no port');
    expect(events).toEqual(['start', 'stop']);
  });

  it('stops when what it runs for is done', async () => {
    const events: string[] = [];
    await runUntilEnded(service(events), () => Promise.resolve(void events.push('done')));
    expect(events).toEqual(['start', 'done', 'stop']);
  });
});
