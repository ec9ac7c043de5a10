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
  },
});

/** What is wrong with a document (WHATWG HTML), as sentences. */
export async function htmlFaults(html: string): Promise<string[]> {
  const { results } = await validator.validateString(html);
  return results.flatMap(({ messages }) =>
    messages.map(({ line, column, ruleId, message }) => `${line}:${column} ${ruleId}: ${message}`),
  );
}
