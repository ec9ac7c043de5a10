import type { Flag, Line } from './lines.ts';

/** For a file `porchlight.fish` in one of fish’s folders for completions. */
export function fishCompletions(lines: readonly Line[]): string {
  const commands = lines.map(
    ({ name, summary }) => `complete -c porchlight -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
  );
  return `# fish completion for porchlight; made by: porchlight completions fish
complete -c porchlight -f
complete -c porchlight -n __fish_use_subcommand -l help -d 'show the commands'
complete -c porchlight -n __fish_use_subcommand -l version -d 'show the version'
${[...commands, ...lines.flatMap(fishLine)].join('\n')}
`;
}

function fishLine({ name, flags, operands, takesFiles }: Line): string[] {
  const on = `complete -c porchlight -n '__fish_seen_subcommand_from ${name}'`;
  return [
    ...(operands.length > 0 ? [`${on} -a ${quoted(operands.join(' '))}`] : []),
    ...(takesFiles ? [`${on} -F`] : []),
    ...flags.map((flag) => `${on} -l ${flag.name.slice(2)}${takes(flag.value)} -d ${quoted(flag.meaning)}`),
  ];
}

function takes(value: Flag['value']): string {
  if (value === 'none') return '';
  if (value === 'file') return ' -r -F';
  return value === 'any' ? ' -x' : ` -x -a ${quoted(value.join(' '))}`;
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
