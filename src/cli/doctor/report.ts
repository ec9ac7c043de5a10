import { wrapped } from '../../kit/runtime/wrapped.ts';
import { marks } from '../terminal.ts';
import type { NamedFinding, Verdict } from './check.ts';

/** The findings for a person, each with its remedy below it, and a last line that sums up. */
export function reportText(findings: readonly NamedFinding[]): string {
  const label = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, verdict, found, remedy }) => {
    const head = `${marks[verdict]} ${check.padEnd(label)}  `;
    const indent = ' '.repeat(head.length);
    const said = wrapped(shortened(found), indent, head);
    return remedy === undefined ? said : `${said}\n${wrapped(remedy, `${indent}  `, `${indent}→ `)}`;
  });
  return `${lines.join('\n')}\n\n${conclusion(findings)}\n`;
}

function conclusion(findings: readonly NamedFinding[]): string {
  const count = (verdict: Verdict): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const parts = [
    ...(errors === 0 ? [] : [`${errors} ${errors === 1 ? 'thing does' : 'things do'} not work`]),
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'needs' : 'need'} a look`]),
  ];
  if (parts.length === 0) return 'Everything works.';
  return `${parts.join(', ')}.${errors > 1 ? ' The first one often explains the others.' : ''}`;
}

/** Box ids are too long to read, and all of them here are the same one. */
function shortened(text: string): string {
  return text.replaceAll(/\b([a-z2-7]{8})[a-z2-7]{43}[aq]\b/g, '$1…');
}
