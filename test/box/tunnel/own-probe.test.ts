import { describe, expect, it } from 'vitest';
import { OwnProbe } from '../../../src/box/tunnel/own-probe.ts';

describe("the box's question to itself", () => {
  it('is answered while it is open, and by nobody else', () => {
    const box = new OwnProbe('box');
    const nonce = box.ask();
    const answer = box.answer(nonce) ?? '';
    expect(JSON.parse(answer)).toMatchObject({ nonce, boxId: 'box' });
    expect(box.isOwn(nonce, answer)).toBe(true);
    // The same box id in another process: a copy of the card, or an impostor.
    const other = new OwnProbe('box');
    expect(other.answer(nonce)).toBeUndefined();
    expect(box.isOwn(nonce, other.answer(other.ask()) ?? '')).toBe(false);
    for (const text of ['', answer.slice(1), `${answer} `, answer.replace(/"proof":"../, '"proof":"zz')]) {
      expect(box.isOwn(nonce, text)).toBe(false);
    }
  });

  it('is over when it is closed', () => {
    const box = new OwnProbe('box');
    const nonce = box.ask();
    const answer = box.answer(nonce) ?? '';
    box.close(nonce);
    expect(box.answer(nonce)).toBeUndefined();
    expect(box.isOwn(nonce, answer)).toBe(false);
  });

  it('answers nothing that was not asked', () => {
    expect(new OwnProbe('box').answer('0'.repeat(32))).toBeUndefined();
  });
});
