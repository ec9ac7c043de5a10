import { argon2, createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { Problem } from '../../kit/runtime/errors.ts';

const derive = promisify(argon2);

/**
 * A sealed file: this line, 16 bytes of salt, 12 of nonce, the ciphertext, 16 bytes of tag. AES-256-GCM, and the first three
 * are authenticated too. The key is Argon2id's of the passphrase. Every number belongs to the version in the line: nothing
 * that a stranger wrote decides how much the box computes.
 */
const firstLine = Buffer.from('Porchlight backup 1\n');
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = firstLine.length + saltBytes + nonceBytes;
/** RFC 9106, 4: its second choice, for places with little memory. Three seconds on the smallest board. */
const cost = { memory: 65_536, passes: 3, parallelism: 4, tagLength: 32 } as const;

const shortestPassphrase = 10;

/** Throws `passphrase-refused` for one that could be guessed. */
export async function sealed(content: Buffer, passphrase: string): Promise<Buffer> {
  if (normal(passphrase).length < shortestPassphrase) {
    const message = `the passphrase is too short: who finds the file could guess it; take ${shortestPassphrase} characters or more`;
    throw new Problem('passphrase-refused', message, { status: 422 });
  }
  const salt = randomBytes(saltBytes);
  const nonce = randomBytes(nonceBytes);
  const head = Buffer.concat([firstLine, salt, nonce]);
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, salt), nonce).setAAD(head);
  return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** Throws `backup-malformed` for what is no backup of this version, `wrong-passphrase` for another passphrase or damage. */
export async function unsealed(file: Buffer, passphrase: string): Promise<Buffer> {
  if (file.length < headBytes + tagBytes || !file.subarray(0, firstLine.length).equals(firstLine)) {
    const newer = file.subarray(0, 17).equals(firstLine.subarray(0, 17));
    const message = newer
      ? 'this backup was made by a newer Porchlight; update this box first'
      : 'this file is no backup of a box';
    throw new Problem('backup-malformed', message, { status: 422, retryable: false });
  }
  const head = file.subarray(0, headBytes);
  const salt = head.subarray(firstLine.length, firstLine.length + saltBytes);
  const key = await keyOf(passphrase, salt);
  const decipher = createDecipheriv('aes-256-gcm', key, head.subarray(headBytes - nonceBytes))
    .setAAD(head)
    .setAuthTag(file.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(file.subarray(headBytes, -tagBytes)), decipher.final()]);
  } catch (error) {
    const message = 'the passphrase is wrong, or the file is damaged';
    throw new Problem('wrong-passphrase', message, { status: 422, retryable: false, cause: error });
  }
}

/** One form for what looks alike, however a keyboard composes it (Unicode NFKC). */
const normal = (passphrase: string): string => passphrase.normalize('NFKC').trim();

function keyOf(passphrase: string, nonce: Buffer): Promise<Buffer> {
  return derive('argon2id', { message: normal(passphrase), nonce, ...cost });
}
