import { existsSync, readFileSync } from 'node:fs';

/**
 * What is wrong with the log beside a SQLite store (sqlite.org/fileformat2.html, 4), `undefined` when nothing can be said
 * against it. SQLite takes a frame whose checksum is wrong for the end of the log, which is right after a power cut, and
 * drops every change behind it without a word, which is not when a bit has flipped. What tells the one from the other: a
 * commit is on the disk before the next one begins, so that two commits at or behind a wrong frame were whole once.
 * Damage of the very last commit, and a log that ends early, look like a power cut.
 */
export function damageOfLog(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const log = readFileSync(path);
  if (log.length <= headerBytes || log.every((byte) => byte === 0)) return undefined;
  const magic = log.readUInt32BE(0);
  const pageBytes = log.readUInt32BE(8);
  const sum = new Checksum(magic === bigEndian);
  sum.add(log.subarray(0, 24));
  const known = magic === bigEndian || magic === littleEndian;
  if (!known || !sum.is(log.readUInt32BE(24), log.readUInt32BE(28)) || pageBytes < 512)
    return 'the head of its log is wrong';
  const salts = log.subarray(16, 24);
  let wrong = false;
  let commits = 0;
  for (
    let at = headerBytes;
    at + frameHeaderBytes + pageBytes <= log.length;
    at += frameHeaderBytes + pageBytes
  ) {
    const isOurs = log.subarray(at + 8, at + 16).equals(salts);
    if (!wrong) {
      sum.add(log.subarray(at, at + 8));
      sum.add(log.subarray(at + frameHeaderBytes, at + frameHeaderBytes + pageBytes));
      wrong = !isOurs || !sum.is(log.readUInt32BE(at + 16), log.readUInt32BE(at + 20));
    }
    if (wrong && isOurs && log.readUInt32BE(at + 4) > 0) commits++;
  }
  return commits >= 2
    ? `a change in its log is wrong, and ${commits - 1} behind it would be lost`
    : undefined;
}

const littleEndian = 0x37_7f_06_82;
const bigEndian = 0x37_7f_06_83;
const headerBytes = 32;
const frameHeaderBytes = 24;

/** Of everything so far: two sums over pairs of words (the same page, 4.2). */
class Checksum {
  readonly #big: boolean;
  #first = 0;
  #second = 0;

  constructor(big: boolean) {
    this.#big = big;
  }

  add(bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      this.#first = (this.#first + view.getUint32(at, !this.#big) + this.#second) >>> 0;
      this.#second = (this.#second + view.getUint32(at + 4, !this.#big) + this.#first) >>> 0;
    }
  }

  is(first: number, second: number): boolean {
    return this.#first === first && this.#second === second;
  }
}
