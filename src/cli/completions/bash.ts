import type { Flag, Line } from './lines.ts';

/** For bash 4.4 and later, with or without the package bash-completion. */
export function bashCompletions(lines: readonly Line[]): string {
  const names = [...lines.map(({ name }) => name), '--help', '--version'];
  return `# bash completion for porchlight; made by: porchlight completions bash
_porchlight() {
  local cur=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD-1]}
  # Bash parts a word at "=": --log.level=debug is three.
  if [[ $cur == '=' ]]; then cur=''
  elif [[ $flag == '=' ]]; then flag=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '${names.join(' ')}' -- "$cur")
    return
  fi
  local flags='' operands='' values='' files='' opaque=''
  case \${COMP_WORDS[1]} in
${lines.map(bashCase).join('\n')}
  esac
  if [[ -n $opaque ]]; then return; fi
  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
  elif [[ $flag == --* && $files == "$flag" ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -W "$operands" -- "$cur")
    if [[ $files == yes ]]; then
      compopt -o filenames
      mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
    fi
  fi
}
complete -F _porchlight porchlight
`;
}

function bashCase({ name, flags, operands, takesFiles }: Line): string {
  const with_ = (wanted: (value: Flag['value']) => boolean): string =>
    flags
      .filter(({ value }) => wanted(value))
      .map((flag) => flag.name)
      .join('|');
  const choices = flags.flatMap(({ name: flag, value }) =>
    typeof value === 'string' ? [] : [`    ${flag}) values='${value.join(' ')}' ;;`],
  );
  const files = with_((value) => value === 'file');
  const opaque = with_((value) => value === 'any');
  return `  ${name})
    flags='${flags.map((flag) => flag.name).join(' ')}'
    operands='${operands.join(' ')}'${takesFiles ? '\n    files=yes' : ''}
    case $flag in
${[...choices, ...(files === '' ? [] : [`    ${files}) files=$flag ;;`]), ...(opaque === '' ? [] : [`    ${opaque}) opaque=yes ;;`])].join('\n')}
    esac ;;`;
}
