import { expect, it } from 'vitest';
import { cutToFit, readableName, shortName, withoutJoiners } from '../../../src/kit/runtime/text.ts';

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

it.each([
  ['👩‍🚀 Ada', '👩‍🚀 Ada'],
  ['👩🏽‍🚀🏳️‍🌈', '👩🏽‍🚀🏳️‍🌈'],
  ['👨‍👩‍👧‍👦', '👨‍👩‍👧‍👦'],
  [
    '🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}',
    '🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}',
  ],
  ['می\u200Cخواهم', 'می\u200Cخواهم'],
  ['क्\u200Dष', 'क्\u200Dष'],
  ['A\u200Dda', 'Ada'],
  ['Ada\u200D', 'Ada'],
  ['👩\u200D', '👩'],
  ['\u200D👩', '👩'],
  ['a\u202Eb\u0000c\u200B\uFEFFd\u{E0041}', 'abcd'],
  [' a \n\t b ', 'a b'],
  ['\u200D\u200C', ''],
])('%j reads %j', (name, readable) => {
  expect(readableName(name)).toBe(readable);
  expect(readableName(readable)).toBe(readable);
});

it('shortens names between characters, and compares them without what joins', () => {
  expect(shortName('Ada 👩‍🚀', 6)).toBe('Ada ');
  expect(shortName('Ada 👩‍🚀', 9)).toBe('Ada 👩‍🚀');
  expect(withoutJoiners('👩‍🚀')).toBe(withoutJoiners('👩🚀'));
});
