import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sendWindow, StreamWindow } from '../../../src/cloud/relay/window.ts';

describe('the window towards the box', () => {
  it('closes when too much is on its way and opens with progress', () => {
    const window = new StreamWindow();
    window.sending(sendWindow - 1);
    expect(window.open).toBe(true);
    window.sending(1);
    expect(window.open).toBe(false);
    window.progress(1024);
    expect(window.open).toBe(true);
  });

  it('believes no progress beyond what was sent, and none backwards', () => {
    const window = new StreamWindow();
    window.sending(sendWindow);
    window.progress(Number.MAX_SAFE_INTEGER);
    window.sending(sendWindow);
    expect(window.open).toBe(false);
    window.progress(0);
    expect(window.open).toBe(false);
  });
});

describe('progress reported to the box', () => {
  it('never exceeds what the visitor took, and lags behind by less than what would stop the client', () => {
    const steps = fc.array(
      fc.record({ bytes: fc.nat(70_000), waiting: fc.double({ min: 0, max: 1, noNaN: true }) }),
    );
    const holds = fc.property(steps, (list) => {
      const window = new StreamWindow();
      let received = 0;
      let reported = 0;
      return list.every(({ bytes, waiting }) => {
        window.receiving(bytes);
        received += bytes;
        const buffered = Math.floor(waiting * Math.min(received, 200_000));
        reported = window.report(buffered) ?? reported;
        const taken = received - buffered;
        return reported * 1024 <= received && taken - reported * 1024 < 40 * 1024;
      });
    });
    expect(fc.check(holds)).toMatchObject({ failed: false });
  });
});
