/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bytes at which parsers decide: ends, zeros, signs, what separates, what Unicode calls white space. */
const telling = [
  0, 1, 0x7f, 0x80, 0xff, 0xa0, 0x0a, 0x0d, 0x20, 0x09, 0x22, 0x27, 0x2c, 0x3a, 0x3b, 0x3d, 0x5c,
];
const longest = 20_000;

/** One of `seeds`, changed in one to eight places: bits, bytes, lengths, pieces cut, doubled, or taken from another seed. */
export function mutant(seeds: readonly Buffer[], random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * limit);
  const any = (): Buffer => seeds[below(seeds.length)] ?? Buffer.alloc(0);
  let bytes: Buffer = Buffer.from(any());
  for (let change = below(8); change >= 0; change--) {
    const at = below(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + below(random() < 0.8 ? 8 : 400));
    const join = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts).subarray(0, longest);
    switch (below(9)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = telling[below(telling.length)] ?? 0;
        break;
      case 2:
        bytes = join(
          bytes.subarray(0, at),
          Buffer.from([telling[below(telling.length)] ?? 0]),
          bytes.subarray(at),
        );
        break;
      case 3:
        bytes = join(bytes.subarray(0, at), bytes.subarray(end));
        break;
      case 4:
        bytes = join(bytes.subarray(0, end), bytes.subarray(at));
        break;
      case 5:
        bytes = bytes.subarray(0, at);
        break;
      case 6: {
        const other = any();
        const from = below(other.length + 1);
        bytes = join(bytes.subarray(0, at), other.subarray(from, from + 1 + below(200)), bytes.subarray(end));
        break;
      }
      case 7:
        // A length that is too large, too small, or of another sign.
        if (bytes.length >= 2 && at + 2 <= bytes.length)
          bytes.writeUInt16BE(below(2) === 0 ? 0xff_ff : below(600), at);
        break;
      default:
        bytes = join(
          bytes.subarray(0, at),
          Buffer.alloc(1 + below(300), telling[below(telling.length)] ?? 0),
          bytes.subarray(at),
        );
    }
  }
  return bytes;
}
