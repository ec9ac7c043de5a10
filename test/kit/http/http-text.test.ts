import { describe, expect, it } from 'vitest';
import {
  cookieValues,
  hostName,
  lowerAscii,
  normalAuthority,
  splitList,
  trimOws,
} from '../../../src/kit/http/http-text.ts';

/** What JavaScript takes for a space and HTTP does not. */
const otherSpaces = ['\u00A0', '\u000B', '\u000C', '\u0085', '\uFEFF', '\u2003'];

describe('text from the wire', () => {
  it('has spaces and tabs around it, and nothing else', () => {
    expect(trimOws(' \t a b\t ')).toBe('a b');
    expect(trimOws('\t ')).toBe('');
    for (const other of otherSpaces) expect(trimOws(`${other}a${other}`)).toBe(`${other}a${other}`);
  });

  it('is looked at once, however long', () => {
    expect(trimOws(`a${' '.repeat(1_000_000)}b`)).toHaveLength(1_000_002);
  });

  it('has letters from A to Z', () => {
    expect(lowerAscii('ÀBC-Ü')).toBe('Àbc-Ü');
  });

  it('is a list of what is not empty', () => {
    expect(splitList('a, b,,\tc ,')).toEqual(['a', 'b', 'c']);
    expect(splitList(undefined)).toEqual([]);
    expect(splitList('\u00A0a,a')).toEqual(['\u00A0a', 'a']);
  });
});

describe('a cookie', () => {
  it('has its name byte by byte', () => {
    const name = '__Host-porchlight';
    expect(cookieValues(`a=b; ${name}=good`, name)).toEqual(['good']);
    expect(cookieValues(`${name}=good;${name}=other`, name)).toEqual(['good', 'other']);
    expect(cookieValues(`${name.toLowerCase()}=x; ${name} =y; ${name}`, name)).toEqual([]);
    for (const other of otherSpaces)
      expect(cookieValues(`${other}${name}=evil; ${name}=good`, name)).toEqual(['good']);
  });
});

describe('a host', () => {
  it.each([
    ['Box.Example', 'box.example'],
    ['box.example.', 'box.example'],
    ['box.example.:443', 'box.example'],
    ['box.example:', 'box.example'],
    ['[fd00::1]:8443', '[fd00::1]'],
    ['[fd00::1]', '[fd00::1]'],
    ['box.example..', 'box.example.'],
  ])('%s is %s', (authority, host) => {
    expect(hostName(authority)).toBe(host);
  });

  it('keeps a port that is not understood', () => {
    expect(normalAuthority('Box.Example.:443')).toBe('box.example');
    expect(normalAuthority('box.example:0443')).toBe('box.example');
    expect(normalAuthority('box.example:80')).toBe('box.example:80');
    expect(normalAuthority('box.example:80', 80)).toBe('box.example');
    expect(normalAuthority('box.example.:8443')).toBe('box.example:8443');
  });
});
