import { HtmlValidate } from 'html-validate';

const validator = new HtmlValidate({
  root: true,
  extends: ['html-validate:recommended', 'html-validate:document', 'html-validate:a11y'],
  rules: {
    // A nonce would be for policies that name one; ours name their sources and hashes.
    'require-csp-nonce': 'off',
    // What a build writes is nobody's style.
    'no-trailing-whitespace': 'off',
    'long-title': 'off',
    // Both are valid (WHATWG HTML, 13.1.1 and 13.1.2.1), and the formatter has its own mind.
    'doctype-style': 'off',
    'void-style': 'off',
    // Scripts and styles come from the origin of the page itself.
    'require-sri': 'off',
  },
});

/** What is wrong with a document (WHATWG HTML), as sentences. */
export async function htmlFaults(html: string): Promise<string[]> {
  const { results } = await validator.validateString(html);
  return results.flatMap(({ messages }) =>
    messages.map(({ line, column, ruleId, message }) => `${line}:${column} ${ruleId}: ${message}`),
  );
}
