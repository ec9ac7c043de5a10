import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import { readPlainFile } from './card-folder.ts';

/**
 * The text of a file on the card that a person wrote; `undefined` when there is none. Every such file is read here. Throws
 * `file-refused`, and `card-file-damaged` for one that is empty or no text: a write that was cut off (the card was pulled)
 * leaves a name with nothing in it, or with zero bytes, and that is not what anybody wanted to say.
 */
export async function readCardText(path: string, most: number): Promise<string | undefined> {
  const bytes = await readPlainFile(await asOnCard(path), most);
  if (bytes === undefined) return undefined;
  const read = decodeCardText(bytes);
  if (typeof read === 'string') return read;
  throw damaged(path, read.damaged);
}

/** Says of a file on the card that it cannot be used as it is. */
export function damaged(path: string, how: string, cause?: unknown): Problem {
  return new Problem('card-file-damaged', `${basename(path)} ${how}`, { retryable: false, cause });
}

/** The content of a file on the card that is no text, and not nothing. */
export async function readCardBytes(path: string, most: number): Promise<Buffer | undefined> {
  const bytes = await readPlainFile(await asOnCard(path), most);
  if (bytes?.every((byte) => byte === 0) === true) throw damaged(path, isEmpty);
  return bytes;
}

/** FAT knows no difference between `PORCHLIGHT.TOML` and `porchlight.toml`, whatever a file system of a test makes of it. */
export async function asOnCard(path: string): Promise<string> {
  const [folder, name] = [dirname(path), basename(path)];
  const names = await namesIn(folder);
  if (names.includes(name)) return path;
  const same = names.find((other) => other.toLowerCase() === name.toLowerCase());
  return join(folder, same ?? name);
}

/** The names on the card; none when it cannot be read. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

const isEmpty = 'is empty, as after a write that was cut off: save it again';
const isCutOff = 'holds zero bytes, as after a write that was cut off: save it again';
const isNoText = 'is not plain text: save it as UTF-8 (in Notepad: “UTF-8”)';

/**
 * UTF-8 and UTF-16 with or without a mark at the beginning (BOM), with any line ends; the mark is taken away, and lines end
 * in a line feed. Windows PowerShell writes UTF-16 where `>` stands, and Notepad where *Unicode* is chosen.
 */
export function decodeCardText(bytes: Buffer): string | { damaged: string } {
  let text: string;
  try {
    text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    return { damaged: bytes.includes(0) ? isCutOff : isNoText };
  }
  text = text.replaceAll(/\r\n?/g, '\n');
  if (text.replaceAll('\0', '').trim() === '') return { damaged: isEmpty };
  if (text.includes('\0')) return { damaged: isCutOff };
  // Other control characters are in no text that a person writes, but in UTF-16 that was not recognised.
  if (/[^\P{Cc}\n\t]/u.test(text)) return { damaged: isNoText };
  return text;
}

function encodingOf(bytes: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  // Without a mark: every second byte of what is mostly Latin letters is zero, and all of those at one side.
  if (bytes.length % 2 === 1) return 'utf-8';
  const zeros = [0, 0];
  for (const [index, byte] of bytes.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const [high = 0, low = 0] = zeros;
  if (high + low < bytes.length / 8) return 'utf-8';
  if (high === 0) return 'utf-16le';
  return low === 0 ? 'utf-16be' : 'utf-8';
}
