import sh from 'mvdan-sh';
import { startedBy, type Word } from '../support/wrappers.ts';

/** What the shell does itself (POSIX, 2.14 and dash(1)), and what it has built in. */
const own = new Set(
  '. : [ alias bg break cd command continue echo eval exit export false fg getopts hash jobs kill local printf pwd read readonly return set shift test times trap true type ulimit umask unalias unset wait declare source shopt'.split(
    ' ',
  ),
);

/** Every program that a shell script starts by its name, wherever in it. */
export function programsOfScript(text: string, name: string): string[] {
  const { syntax } = sh;
  const lines: Word[][] = [];
  const functions = new Set<string>();
  const file = parsed(() => syntax.NewParser().Parse(text, name));
  syntax.Walk(file, (node) => {
    if (node === null) return true;
    const type = syntax.NodeType(node);
    if (type === 'FuncDecl') functions.add(node.Name.Value);
    if (type === 'CallExpr' && node.Args.length > 0) lines.push(node.Args.map(wordOf));
    return true;
  });
  const started = lines.map((words) => startedBy(words));
  const programs = started.flatMap((line) => line.programs);
  const scripts = started.flatMap((line) => line.scripts);
  return [
    ...programs.filter((program) => !own.has(program) && program !== 'exec' && !functions.has(program)),
    ...scripts.flatMap((script) => programsOfScript(script, name)),
  ];

  function wordOf(word: ReturnType<ReturnType<typeof syntax.NewParser>['Parse']>): Word {
    const parts = word.Parts.map((part): Word => {
      const type = syntax.NodeType(part);
      if (type === 'Lit' || type === 'SglQuoted') return part.Value;
      return type === 'DblQuoted' ? wordOf(part) : undefined;
    });
    return parts.includes(undefined) ? undefined : parts.join('').replaceAll('\\', '');
  }
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    // The parser's own errors are objects of the language that it is written in.
    const said = (error as { Error?: () => string }).Error?.() ?? String(error);
    throw new Error(`a shell script that no shell would take: ${said}`, { cause: error });
  }
}
