import { createPrivateKey } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identityFrom } from '../../../src/box/identity/identity-check.ts';
import { loadIdentity, readIdentity } from '../../../src/box/identity/identity.ts';
import { systemClock } from '../../../src/kit/runtime/clock.ts';
import { codeOf } from '../../../src/kit/runtime/errors.ts';
import { temporaryFolder } from '../../support/folder.ts';

const root = temporaryFolder();
let count = 0;

async function made(): Promise<{ state: string; boxId: string; certificate: Buffer; key: Buffer }> {
  const state = join(root, String(++count));
  mkdirSync(state, { mode: 0o700 });
  const { boxId } = await loadIdentity({ stateFolder: state, clock: systemClock });
  const [certificate, key] = ['certificate.pem', 'key.pem'].map((name) =>
    readFileSync(join(state, 'identity', name)),
  );
  if (certificate === undefined || key === undefined) throw new Error('there is no identity');
  return { state, boxId, certificate, key };
}

/** Every single-bit flip of `text`, or every n-th of them. */
function* flips(text: Buffer, step: number): Generator<Buffer> {
  for (let bit = 0; bit < text.length * 8; bit += step) {
    const flipped = Buffer.from(text);
    flipped[bit >> 3] = (text[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield flipped;
  }
}

describe('one flipped bit', () => {
  it('in the certificate never makes another identity', async () => {
    const { boxId, certificate, key } = await made();
    const found = new Set<string>();
    for (const flipped of flips(certificate, 1)) found.add(outcome(flipped, key));
    expect(found).toEqual(new Set([boxId, 'identity-damaged']));
  });

  it('in the key is damage, or a key that is the same number by number', async () => {
    const { boxId, certificate, key } = await made();
    const right = numbersOf(key.toString());
    // Each costs a signature; every 5th of some 13,600 bits, so that all eight bits of a byte have their turn.
    for (const flipped of flips(key, 5)) {
      const found = outcome(certificate, flipped);
      expect(found === 'identity-damaged' ? right : numbersOf(flipped.toString())).toEqual(right);
      expect([boxId, 'identity-damaged']).toContain(found);
    }
  });
});

/** The box id, or the code of the problem. */
function outcome(certificate: Buffer, key: Buffer): string {
  try {
    return identityFrom(certificate.toString(), key.toString(), 'identity').boxId;
  } catch (error) {
    return codeOf(error);
  }
}

function numbersOf(pem: string): unknown {
  return createPrivateKey(pem).export({ format: 'jwk' });
}

describe('what the box was called before', () => {
  it('is kept apart: another whole identity in its place is refused', async () => {
    const [one, other] = [await made(), await made()];
    writeFileSync(join(one.state, 'identity/certificate.pem'), other.certificate);
    writeFileSync(join(one.state, 'identity/key.pem'), other.key);
    await expect(readIdentity(one.state)).rejects.toMatchObject({
      code: 'identity-damaged',
      message: expect.stringContaining(other.boxId) as string,
    });
  });

  it('is made again when it is damaged itself, and costs nobody anything', async () => {
    const { state, boxId } = await made();
    const marker = join(state, 'known/identity');
    const text = readFileSync(marker);
    for (const flipped of flips(text, 7)) {
      writeFileSync(marker, flipped);
      expect((await loadIdentity({ stateFolder: state, clock: systemClock })).boxId).toBe(boxId);
      expect(readFileSync(marker)).toEqual(text);
    }
  });

  it('makes a missing identity damage, and so do people without one', async () => {
    const first = await made();
    rmSync(join(first.state, 'identity'), { recursive: true });
    await expect(loadIdentity({ stateFolder: first.state, clock: systemClock })).rejects.toMatchObject({
      code: 'identity-damaged',
    });
    const second = await made();
    for (const name of ['identity', 'known']) rmSync(join(second.state, name), { recursive: true });
    mkdirSync(join(second.state, 'access'));
    writeFileSync(join(second.state, 'access/access.sqlite'), 'people');
    await expect(loadIdentity({ stateFolder: second.state, clock: systemClock })).rejects.toMatchObject({
      code: 'identity-damaged',
    });
  });
});
