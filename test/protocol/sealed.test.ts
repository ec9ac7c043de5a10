import { describe, expect, it } from 'vitest';
import {
  newKeptKeys,
  newSealingKeys,
  open,
  publicKeyText,
  seal,
  sealedFor,
  sealingKeysFrom,
} from '../../src/protocol/sealed.ts';

const flipped = (text: string): string => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);

describe('what is sealed', async () => {
  const keys = await newSealingKeys();
  const to = await publicKeyText(keys);
  const info = sealedFor.request('box', 'client');

  it('is opened by who has the private key, and is another text each time', async () => {
    const [sealed, again] = [
      await seal(to, 'hello, 世界', info, 'POST /x'),
      await seal(to, 'hello, 世界', info),
    ];
    expect(await open(keys, sealed, info, 'POST /x')).toBe('hello, 世界');
    expect(again.ct).not.toBe(sealed.ct);
  });

  it('is opened by nobody else, for no other purpose or place, and not when it was changed', async () => {
    const sealed = await seal(to, 'hello', info, 'POST /x');
    const attempts = [
      open(await newSealingKeys(), sealed, info, 'POST /x'),
      open(keys, sealed, sealedFor.request('box', 'other'), 'POST /x'),
      open(keys, sealed, sealedFor.credentials('box', 'client'), 'POST /x'),
      open(keys, sealed, info, 'POST /y'),
      open(keys, { ...sealed, ct: flipped(sealed.ct) }, info, 'POST /x'),
      open(keys, { ...sealed, enc: flipped(sealed.enc) }, info, 'POST /x'),
    ];
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.map(({ status }) => status)).toEqual(attempts.map(() => 'rejected'));
  });

  it('is sealed to no point that is not of the curve', async () => {
    await expect(seal(`B${'A'.repeat(86)}`, 'hello', info)).rejects.toThrow(/serializ/i);
  });

  it('is opened by keys that were kept', async () => {
    const kept = await newKeptKeys();
    const sealed = await seal(await publicKeyText(await sealingKeysFrom(kept)), 'hello', info);
    expect(await open(await sealingKeysFrom(kept), sealed, info)).toBe('hello');
    expect((await sealingKeysFrom(kept)).privateKey.extractable).toBe(false);
  });
});
