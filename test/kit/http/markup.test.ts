import { expect, it } from 'vitest';
import { escaped } from '../../../src/kit/http/markup.ts';

it('leaves no character that markup would read', () => {
  expect(escaped(`<a href="x" title='y'>&amp;`)).toBe(
    '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;',
  );
});
