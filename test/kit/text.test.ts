import { expect, it } from 'vitest';
import { cutToFit } from '../../src/kit/text.ts';

it.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'abc'],
  ['aü', 2, 'a'],
  ['e\u0301e\u0301', 5, 'e\u0301'],
  ['👩‍👩‍👧👩‍👩‍👧', 20, '👩‍👩‍👧'],
  ['👩‍👩‍👧', 10, ''],
])('%j in %i bytes is %j', (text, bytes, cut) => {
  expect(cutToFit(text, (candidate) => Buffer.byteLength(candidate) <= bytes)).toBe(cut);
});
