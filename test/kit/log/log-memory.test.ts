import { describe, expect, it } from 'vitest';
import { LogMemory } from '../../../src/kit/log/log-memory.ts';

function memoryOf(startedAt: number, ...lines: [message: string, level?: number][]): LogMemory {
  const memory = new LogMemory({ capacity: 3, clock: { now: () => startedAt } });
  for (const [msg, level = 30] of lines)
    memory.add(JSON.stringify({ level, time: startedAt, part: 'web', msg }));
  return memory;
}

const read = (memory: LogMemory, after: number): string[] =>
  memory.read({ after, level: 'info' }).map(({ message }) => message);

describe('the last lines of the log', () => {
  it('are those after the one that the asker has, of its level and above', () => {
    const memory = memoryOf(1000, ['forgotten'], ['a'], ['quiet', 20], ['b']);
    const [first, second] = memory.read({ after: 0, level: 'info' });
    expect([first?.message, second?.message]).toEqual(['a', 'b']);
    expect(read(memory, first?.seq ?? 0)).toEqual(['b']);
    expect(read(memory, second?.seq ?? 0)).toEqual([]);
  });

  it('are all new to a page that was open before the box started again', () => {
    const before = memoryOf(1000, ['a'], ['b'], ['c']).read({ after: 0, level: 'info' }).at(-1)?.seq ?? 0;
    expect(read(memoryOf(9000, ['the box runs']), before)).toEqual(['the box runs']);
    // A board without a battery may start with an earlier time.
    expect(read(memoryOf(500, ['the box runs']), before)).toEqual(['the box runs']);
  });
});
