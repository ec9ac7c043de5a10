import { dirname, join } from 'node:path';
import { parseSync } from 'vite';
import type { Word } from '../support/wrappers.ts';

/** A node of the syntax tree (ESTree), looked at by its fields. */
interface Node extends Record<string, unknown> {
  type: string;
  start: number;
}

interface Call {
  words: readonly Word[];
  line: number;
}

interface Read {
  calls: readonly Call[];
  /** Functions of this file that start the program which they are given, as `path#name`. */
  starters: readonly string[];
  /** Text in the file that is a shell script of its own (`#!/bin/sh`). */
  scripts: readonly string[];
}

/** Each file is looked at more than once. */
const trees = new Map<string, Node>();

function treeOf(path: string, text: string): Node {
  const known = trees.get(text);
  if (known !== undefined) return known;
  const tree = parseSync(path, text).program as unknown as Node;
  trees.set(text, tree);
  return tree;
}

/** Where starting programs comes from, by the end of the path of the module. */
const origins = /^node:child_process$|\/support\/programs\.ts$|\/kit\/runtime\/child\.ts$/;
const original = new Set(['spawn', 'spawnSync', 'execFile', 'execFileSync', 'Child']);
/** Methods that start a program, whatever object has them: `namespace.exec('ip', […])`. */
const methods = new Set(['spawn', 'exec', 'run']);

/**
 * The starts of programs in a source file, as far as the text tells them. `known` are the functions that start what they
 * are given, of all files; it is asked again with what was found until nothing is added.
 */
export function callsOf(path: string, text: string, known: ReadonlySet<string>): Read {
  const program = treeOf(path, text);
  const calls: Call[] = [];
  const found = new Set<string>();
  const starters = new Set(
    [...known].flatMap((each) => (each.startsWith(`${path}#`) ? [each.slice(path.length + 1)] : [])),
  );
  const scripts: string[] = [];
  const constants: { name: string; value: Node; start: number }[] = [];

  visit(program, [], (node) => {
    if (node.type === 'VariableDeclarator' && isNode(node['init']))
      constants.push({ name: nameOf(node['id']), value: node['init'], start: node.start });
  });
  visit(program, [], (node, within) => {
    const said = stringOf(node);
    if (said !== undefined && /^#!\S*\s?\S*\bsh\n/.test(said)) scripts.push(said);
    // `const run = promisify(execFile)`, `import { execFile as start }`
    if (node.type === 'VariableDeclarator' && isNode(node['init'])) {
      const [first] = listOf(node['init']['arguments']);
      if (nameOf(node['init']['callee']) === 'promisify' && starters.has(nameOf(first)))
        starters.add(nameOf(node['id']));
    }
    if (node.type === 'ImportDeclaration') for (const name of imported(node)) starters.add(name);
    if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return;
    const callee = node['callee'] as Node;
    const method = callee.type === 'MemberExpression' && (callee['object'] as Node).type !== 'ThisExpression';
    if (!(method ? methods : starters).has(nameOf(callee))) return;
    const [first, second] = given(node);
    if (first === undefined) return;
    const caller = within.findLast(({ parameters }) => parameters.includes(nameOf(first)));
    if (method && (second === undefined || /Function|Object|Template/.test(second.type))) return;
    if (first.type === 'Identifier' && caller !== undefined) found.add(`${path}#${caller.name}`);
    const line = text.slice(0, node.start).split('\n').length;
    const rest = listOf(node['arguments']);
    // run('ip', ['link', 'show']), or with rest parameters: run('ip', 'link', 'show')
    const words = second === undefined || stringOf(second) === undefined ? [second] : rest.slice(1);
    const args = words.flatMap((word) => (word === undefined ? [] : resolve(word, node.start)));
    for (const program of resolve(first, node.start)) calls.push({ words: [program, ...args], line });
  });
  return { calls, starters: [...found], scripts };

  /** The names by which this file knows the functions that start programs. */
  function imported(node: Node): string[] {
    const from = String((node['source'] as Node)['value']);
    const file = from.startsWith('.') ? join(dirname(path), from) : from;
    return listOf(node['specifiers']).flatMap((each) => {
      const name = nameOf(each['imported']);
      const starts = known.has(`${file}#${name}`) || (origins.test(from) && original.has(name));
      return starts ? [nameOf(each['local'])] : [];
    });
  }

  /** Program and arguments: of `new Child({ command, args })` or of `spawn(command, args)`. */
  function given(node: Node): (Node | undefined)[] {
    const [first, second] = listOf(node['arguments']);
    if (first?.type !== 'ObjectExpression') return [first, second];
    const field = (name: string): Node | undefined => {
      const property = listOf(first['properties']).find((each) => nameOf(each['key']) === name);
      return property?.['value'] as Node | undefined;
    };
    return [field('command'), field('args')];
  }

  function resolve(node: Node, before: number): Word[] {
    const said = stringOf(node);
    if (said !== undefined) return [said];
    const each = (nodes: unknown): Word[] => listOf(nodes).flatMap((one) => resolve(one, before));
    switch (node.type) {
      case 'ArrayExpression':
        return each(node['elements']);
      case 'SpreadElement':
        return resolve(node['argument'] as Node, before);
      case 'ConditionalExpression':
        return each([node['consequent'], node['alternate']]);
      case 'TSAsExpression':
      case 'TSNonNullExpression':
      case 'TSSatisfiesExpression':
      case 'ParenthesizedExpression':
        return resolve(node['expression'] as Node, before);
      case 'Identifier': {
        const known = constants.findLast(({ name, start }) => name === node['name'] && start < before);
        return known === undefined ? [undefined] : resolve(known.value, known.start);
      }
      case 'MemberExpression':
        return nameOf(node) === 'execPath' ? ['node'] : [undefined];
      case 'CallExpression': {
        const callee = node['callee'] as Node;
        const list = isNode(callee['object']) ? resolve(callee['object'], before) : [undefined];
        if (nameOf(callee) === 'map' && nameOf(listOf(node['arguments'])[0]) === 'String') return list;
        return nameOf(callee) === 'join' && !list.includes(undefined) ? [list.join('\n')] : [undefined];
      }
      default:
        return [undefined];
    }
  }
}

interface Within {
  name: string;
  parameters: readonly string[];
}

function visit(
  node: Node,
  within: readonly Within[],
  look: (node: Node, within: readonly Within[]) => void,
): void {
  look(node, within);
  for (const [field, value] of Object.entries(node)) {
    for (const child of listOf(value)) {
      const isFunction = /Function/.test(child.type) && isNode(child['body']);
      if (!isFunction) {
        visit(child, within, look);
        continue;
      }
      const name = nameOf(child['id']) || nameOf(node['key']) || (field === 'init' ? nameOf(node['id']) : '');
      const parameters = listOf(child['params']).map(nameOf);
      visit(child, [...within, { name, parameters }], look);
    }
  }
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

const listOf = (value: unknown): Node[] => (Array.isArray(value) ? value : [value]).filter(isNode);

function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  if (node.type === 'MemberExpression') return nameOf(node['property']);
  if (node.type === 'ChainExpression') return nameOf(node['expression']);
  return typeof node['name'] === 'string' ? node['name'] : '';
}

/** A string, or a template of which every expression stands as a variable of the shell: only its place counts. */
function stringOf(node: Node): string | undefined {
  if (node.type === 'Literal') return typeof node['value'] === 'string' ? node['value'] : undefined;
  if (node.type !== 'TemplateLiteral') return undefined;
  return (node['quasis'] as { value: { cooked: string } }[]).map(({ value }) => value.cooked).join('$X');
}
