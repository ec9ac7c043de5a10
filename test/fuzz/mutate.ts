/** A source of chance that gives the same for the same seed, on every machine (mulberry32). */
export class Chance {
  #state: number;

  /** `seed`: any text. */
  constructor(seed: string) {
    // FNV-1a
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(seed)) hash = Math.imul(hash ^ byte, 0x01000193);
    this.#state = hash >>> 0;
  }

  /** 0 to `below` - 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Numbers at which lengths and counts go wrong, and bytes that JavaScript and protocols see differently. */
const edges = [
  0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff, 0x100, 0x3fff, 0x4000, 0x7fff, 0xffff, 0xffffff, 0xffffffff,
];
const oddBytes = [
  0x00, 0x09, 0x0a, 0x0b, 0x0d, 0x20, 0x22, 0x2c, 0x3a, 0x3b, 0x3d, 0x5c, 0x7f, 0x85, 0xa0, 0xad, 0xc2, 0xff,
];
const maxBytes = 8192;

interface Material {
  /** Inputs that are right. */
  seeds: readonly Buffer[];
  /** Words of the format, which chance would not find. */
  words: readonly Buffer[];
}

/** One input: a right one, changed in a few places as people and attackers change such things. */
export function mutated({ seeds, words }: Material, chance: Chance): Buffer {
  let bytes = Buffer.from(chance.of(seeds));
  for (let changes = chance.below(6); changes > 0; changes--)
    bytes = changed(bytes, { seeds, words }, chance);
  return bytes.subarray(0, maxBytes);
}

function changed(bytes: Buffer, { seeds, words }: Material, chance: Chance): Buffer<ArrayBuffer> {
  const at = chance.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + chance.below(chance.of([1, 2, 4, 16, 64])));
  const replaced = (by: Uint8Array, until = end): Buffer<ArrayBuffer> =>
    Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(until)]);
  switch (chance.below(11)) {
    // A bit that fell over.
    case 0:
      return replaced(Buffer.from([(bytes[at] ?? 0) ^ (1 << chance.below(8))]), at + 1);
    case 1:
      return replaced(Buffer.from([chance.of(oddBytes)]), chance.of([at, at + 1]));
    case 2:
      return replaced(Buffer.alloc(0));
    // The same again, once or often.
    case 3:
      return replaced(
        Buffer.concat(Array.from({ length: 1 + chance.of([1, 2, 9, 99]) }, () => bytes.subarray(at, end))),
      );
    // Cut off.
    case 4:
      return Buffer.from(bytes.subarray(0, at));
    // The head of one with the tail of another.
    case 5: {
      const other = chance.of(seeds);
      return replaced(other.subarray(chance.below(other.length + 1)), bytes.length);
    }
    case 6:
      return words.length === 0
        ? replaced(Buffer.alloc(0))
        : replaced(chance.of(words), chance.of([at, end]));
    // A length or a count that is not true: at an edge, or off by one.
    case 7:
    case 8: {
      const size = chance.of([1, 2, 2, 3, 4]);
      if (bytes.length < size) return Buffer.from(bytes);
      const place = chance.below(bytes.length - size + 1);
      const was = bytes.readUIntBE(place, size);
      const limit = 2 ** (8 * size);
      const next =
        chance.of([...edges, was + 1, was - 1 + limit, bytes.length, bytes.length - place]) % limit;
      const copy = Buffer.from(bytes);
      copy.writeUIntBE(next, place, size);
      return copy;
    }
    // A number in digits.
    case 9: {
      const text = bytes.toString('latin1');
      const numbers = [...text.matchAll(/\d+/g)];
      if (numbers.length === 0) return replaced(Buffer.alloc(0));
      const { index, 0: digits } = chance.of(numbers);
      const next = chance.of([
        '',
        '0',
        '-1',
        '00',
        '65536',
        '4294967296',
        '9'.repeat(30),
        '1e9',
        '0x10',
        `${digits}0`,
      ]);
      return Buffer.from(text.slice(0, index) + next + text.slice(index + digits.length), 'latin1');
    }
    default:
      return replaced(Buffer.from(Array.from({ length: chance.below(16) }, () => chance.below(256))));
  }
}
