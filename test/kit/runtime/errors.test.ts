import { describe, expect, it } from 'vitest';
import { codeOf, isAbort, messageOf, Problem } from '../../../src/kit/runtime/errors.ts';

describe('Problem', () => {
  it('is retryable, status 500 and without details unless told otherwise', () => {
    const problem = new Problem('x', 'what was wrong');
    expect(problem).toMatchObject({ name: 'Problem', status: 500, retryable: true, details: {} });
    expect(problem.retryAfterSeconds).toBeUndefined();
    expect('cause' in problem).toBe(false);
  });

  it('crosses a boundary as code, message and details, of which none may hide code or message', () => {
    const problem = new Problem('x', 'm', {
      details: { code: 'y', message: 'n', port: 1 },
      retryAfterSeconds: 3,
    });
    expect(JSON.parse(JSON.stringify(problem))).toEqual({
      code: 'x',
      message: 'm',
      port: 1,
      retryAfterSeconds: 3,
    });
  });

  it('keeps what caused it to itself', () => {
    const cause = new Error('inside');
    const problem = new Problem('x', 'm', { cause });
    expect(problem.cause).toBe(cause);
    expect(JSON.stringify(problem)).not.toContain('inside');
  });
});

describe('any thrown value', () => {
  it.each([
    ['a problem', new Problem('x', 'm'), 'x', 'm'],
    ['a system error', Object.assign(new Error('m'), { code: 'ENOSPC' }), 'ENOSPC', 'm'],
    ['an error', new Error('m'), 'unexpected', 'm'],
    ['a DOMException, whose code is a number', new DOMException('m', 'AbortError'), 'unexpected', 'm'],
    ['a string', 'm', 'unexpected', 'm'],
    ['nothing', undefined, 'unexpected', 'undefined'],
    [
      'an AggregateError without a message',
      new AggregateError([new Error('a'), new Error('b')]),
      'unexpected',
      'a; b',
    ],
  ])('has a code and a sentence: %s', (_, thrown, code, message) => {
    expect(codeOf(thrown)).toBe(code);
    expect(messageOf(thrown)).toBe(message);
  });

  it('is told from an abort', () => {
    expect(isAbort(AbortSignal.abort().reason)).toBe(true);
    expect(isAbort(Object.assign(new Error('m'), { code: 'ABORT_ERR' }))).toBe(true);
    expect(isAbort(new Error('AbortError'))).toBe(false);
    expect(isAbort('AbortError')).toBe(false);
  });
});
