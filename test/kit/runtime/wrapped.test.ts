import { expect, it } from 'vitest';
import { wrapped } from '../../../src/kit/runtime/wrapped.ts';

it('breaks at spaces, after at most 80 columns with the indent, and nowhere else', () => {
  const words = Array.from({ length: 40 }, (_, index) => `word${index}`);
  const text = wrapped(words.join(' '), '    ');
  expect(text.split('\n').length).toBeGreaterThan(2);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(text.split(/\s+/).filter(Boolean)).toEqual(words);
});

it('keeps a word that is too long whole, and short text and line ends as they are', () => {
  const long = 'x'.repeat(100);
  expect(wrapped(`see ${long} there`, '  ')).toBe(`  see\n  ${long}\n  there`);
  expect(wrapped('one\n\ntwo')).toBe('one\n\ntwo');
  expect(wrapped('')).toBe('');
});

it('has room for a label in front of the first line', () => {
  expect(wrapped(`a ${'b'.repeat(77)}`, '  ', '- ')).toBe(`- a\n  ${'b'.repeat(77)}`);
});
