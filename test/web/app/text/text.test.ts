import { describe, expect, it } from 'vitest';
import { de } from '../../../../src/web/app/text/app.de.ts';
import { en } from '../../../../src/web/app/text/app.en.ts';

/** Lists are as long in every language: the compiler sees all else. */
const shape = (text: unknown): unknown =>
  typeof text === 'object' && text !== null
    ? Object.fromEntries(Object.entries(text).map(([key, value]) => [key, shape(value)]))
    : typeof text;

describe('the text of the app', () => {
  it('is all there in both languages, and nothing of it is empty', () => {
    expect(shape(de)).toEqual(shape(en));
    expect(JSON.stringify([en, de])).not.toContain('""');
  });

  it('counts as people do', () => {
    expect([en.box.certificate(1), en.box.certificate(2)]).toEqual([
      'Certificate: 1 day left, renewed automatically',
      'Certificate: 2 days left, renewed automatically',
    ]);
    expect(de.box.certificate(1)).toContain('noch 1 Tag,');
  });
});
