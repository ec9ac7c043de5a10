/** What a terminal shows in one line, and a person reads with ease. */
const columns = 80;

/**
 * `text` in lines of at most 80 columns, broken at spaces; a word that is longer keeps a line of its own. `indent` stands
 * before each line, but `first` (as wide) before the first one.
 */
export function wrapped(text: string, indent = '', first = indent): string {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && indent.length + longer.length > columns) {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    lines.push(line);
  }
  return lines.map((line, index) => (index === 0 ? first : indent) + line).join('\n');
}
