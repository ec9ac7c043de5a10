import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { OwnedFact, until } from '../../../src/kit/runtime/fact.ts';

const big = (value: number): boolean => value > 1;

describe('OwnedFact', () => {
  it('tells observers of changes by structure, and not of the present value', () => {
    const fact = new OwnedFact({ addresses: ['a'] });
    const seen: unknown[] = [];
    fact.subscribe((value) => seen.push(value));
    fact.set({ addresses: ['a'] });
    fact.set({ addresses: ['b'] });
    expect(seen).toEqual([{ addresses: ['b'] }]);
    expect(fact.value).toEqual({ addresses: ['b'] });
  });

  it('tells nobody whose subscription has ended', () => {
    const fact = new OwnedFact(0);
    const seen: number[] = [];
    const end = fact.subscribe((value) => seen.push(value));
    fact.set(1);
    end();
    end();
    fact.set(2);
    expect(seen).toEqual([1]);
  });

  it('tells every observer although one of them throws, and throws that error to the owner', () => {
    const fact = new OwnedFact(0);
    const seen: number[] = [];
    fact.subscribe(() => {
      throw new Error('observer');
    });
    fact.subscribe((value) => seen.push(value));
    expect(() => fact.set(1)).toThrow('observer');
    expect(seen).toEqual([1]);
  });

  it('leaves every observer with the value of now, also when one of them changes the fact', () => {
    const fact = new OwnedFact(0);
    const last = { first: -1, second: -1 };
    fact.subscribe((value) => {
      last.first = value;
      if (value === 1) fact.set(2);
    });
    fact.subscribe((value) => (last.second = value));
    fact.set(1);
    expect(last).toEqual({ first: 2, second: 2 });
  });
});

describe('until', () => {
  /** A fact that counts its subscriptions. */
  class CountedFact extends OwnedFact<number> {
    subscriptions = 0;

    override subscribe(listener: (value: number) => void): () => void {
      this.subscriptions++;
      const end = super.subscribe(listener);
      return () => {
        this.subscriptions--;
        end();
      };
    }
  }

  it('takes the present value at once', async () => {
    const fact = new CountedFact(2);
    expect(await until(fact, big, new AbortController().signal)).toBe(2);
    expect(fact.subscriptions).toBe(0);
  });

  it('waits for the first value that is accepted', async () => {
    const fact = new CountedFact(0);
    const found = until(fact, big, new AbortController().signal);
    fact.set(1);
    fact.set(3);
    fact.set(4);
    expect(await found).toBe(3);
  });

  it.each(['resolve', 'abort', 'throw'])('leaves nothing behind: %s', async (way) => {
    const fact = new CountedFact(0);
    const abort = new AbortController();
    const accept = (value: number): boolean => {
      if (way === 'throw' && value > 0) throw new Error('accept');
      return big(value);
    };
    const outcome = until(fact, accept, abort.signal).then(
      () => 'resolve',
      (error: unknown) => (error instanceof DOMException ? 'abort' : 'throw'),
    );
    if (way === 'abort') abort.abort();
    else fact.set(2);
    expect(await outcome).toBe(way);
    expect(fact.subscriptions).toBe(0);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  it('rejects at once when already aborted', async () => {
    await expect(until(new OwnedFact(2), big, AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});
