import type { Flag, Line } from './lines.ts';

/** A function of zsh’s completion system: for a folder of `fpath`, as `_porchlight`, or to be sourced. */
export function zshCompletions(lines: readonly Line[]): string {
  return `#compdef porchlight
# zsh completion for porchlight; made by: porchlight completions zsh
_porchlight() {
  local -a commands line
  local state
  commands=(
${lines.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  _arguments -C '--help[show the commands]' '--version[show the version]' '1: :->command' '*:: :->line'
  case $state in
  command) _describe -t commands command commands ;;
  line)
    case $line[1] in
${lines.map(zshCase).join('\n')}
    esac ;;
  esac
}
if [[ $funcstack[1] == _porchlight ]]; then _porchlight "$@"; else compdef _porchlight porchlight; fi
`;
}

function zshCase({ name, flags, operands, takesFiles }: Line): string {
  const rest = takesFiles
    ? ["'*:file:_files'"]
    : operands.length > 0
      ? [`'*: :(${operands.join(' ')})'`]
      : [];
  const all = [...flags.map(zshFlag), ...rest].map((spec) => `      ${spec}`);
  return `    ${name}) _arguments \\\n${all.join(' \\\n')} ;;`;
}

function zshFlag({ name, meaning, value }: Flag): string {
  const told = meaning.replaceAll(/[[\]\\:]/g, '\\$&');
  if (value === 'none') return quoted(`${name}[${told}]`);
  const action = value === 'file' ? '_files' : value === 'any' ? ' ' : `(${value.join(' ')})`;
  return quoted(`${name}=[${told}]:value:${action}`);
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
