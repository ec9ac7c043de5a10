import type { NamedFinding, Verdict } from './check.ts';

const marks: Readonly<Record<Verdict, string>> = { ok: '✓', warning: '!', error: '✗', skipped: '–' };
const width = 80;

/** The findings for a person, at most 80 columns wide wherever there is a place to break a line. */
export function reportText(findings: readonly NamedFinding[]): string {
  const label = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, verdict, found, remedy }) => {
    const head = `${marks[verdict]} ${check.padEnd(label)}  `;
    const indent = ' '.repeat(head.length);
    const advice = remedy === undefined ? [] : wrapped(remedy, width - head.length - 2);
    return [
      ...wrapped(shortened(found), width - head.length).map(
        (line, index) => (index === 0 ? head : indent) + line,
      ),
      ...advice.map((line, index) => `${indent}${index === 0 ? '→' : ' '} ${line}`),
    ];
  });
  return `${lines.join('\n')}\n\n${conclusion(findings)}\n`;
}

function conclusion(findings: readonly NamedFinding[]): string {
  const count = (verdict: Verdict): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const [errors, warnings] = [count('error'), count('warning')];
  if (errors + warnings === 0) return 'Everything works.';
  const parts = [
    ...(errors === 0 ? [] : [`${errors} ${errors === 1 ? 'thing does' : 'things do'} not work`]),
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'needs' : 'need'} a look`]),
  ];
  return `${parts.join(', ')}.`;
}

/** Box ids are too long to read, and all of them here are the same. */
function shortened(text: string): string {
  return text.replaceAll(/\b([a-z2-7]{8})[a-z2-7]{43}[aq]\b/g, '$1…');
}

function wrapped(text: string, columns: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
