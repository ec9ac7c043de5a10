import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Keeps the rules of docs/ARCHITECTURE.md about who may import whom, and the house rules that a reader of one file cannot
 * see. Every message names the file and the rule.
 */
const root = resolve(import.meta.dirname, '..');

interface Source {
  /** Path from the root: `src/box/zone/zone.ts`. */
  path: string;
  text: string;
  /** What it imports: paths from the root for files of ours, names for packages. */
  imports: readonly string[];
}

/** What each folder of src/ may import of the others; a folder may always import itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  kit: [],
  box: ['protocol', 'kit'],
  cloud: ['protocol', 'kit'],
  client: ['protocol', 'kit'],
  agent: ['protocol', 'kit'],
  web: ['protocol', 'kit', 'client'],
  cli: ['protocol', 'kit', 'box', 'cloud', 'client', 'agent', 'web'],
};

/** Beside the parts of the box: facts, ports and small vocabularies, which import no part. Any part may import them. */
const shared = new Set([
  'facts.ts',
  'ports.ts',
  'config.ts',
  'audit-notes.ts',
  'origins.ts',
  'run-headers.ts',
  'visitor.ts',
]);

/**
 * Which part of the box may import which: all else meets in facts (`facts.ts`) and ports (`ports.ts`). A folder in a folder is
 * a part of its own. What composes the box (`box.ts`, `access.ts`, …) may import all.
 */
const boxParts: Readonly<Record<string, readonly string[]>> = {
  sessions: [],
  api: ['sessions'],
  auth: ['sessions', 'api'],
  'auth/agents': ['sessions', 'api', 'auth'],
  'auth/enrolment': ['sessions', 'api', 'auth'],
  'auth/instances': ['sessions', 'api', 'auth'],
  'auth/oauth': ['sessions', 'api', 'auth'],
  'auth/pairing': ['sessions', 'api', 'auth'],
  'auth/sign-in': ['sessions', 'api'],
  state: [],
  identity: [],
  network: [],
  zone: [],
  certificate: [],
  tunnel: [],
  mdns: [],
  announce: [],
  control: [],
  settings: [],
  web: [],
  run: ['zone'],
  update: ['state'],
  system: ['web'],
  backup: ['state', 'identity', 'sessions'],
  card: ['state', 'backup', 'system'],
};

/** The same of the cloud's programs; each can run on a machine of its own. */
const cloudParts: Readonly<Record<string, readonly string[]>> = {
  runs: [],
  'app-server': [],
  'dns-server': ['runs'],
  mailbox: [],
  'registration-server': ['runs'],
  relay: [],
};

/** Compose the cloud; the other files beside its parts are shared by them. */
const composesCloud = new Set(['cloud.ts', 'main.ts', 'config.ts', 'metrics.ts']);

/** Run in a checkout alone. */
const isTool = /^src\/cli\/(release|sdk|home|api)\//;

const maxLines = 350;

/** Files that read what a peer wrote. JavaScript's ideas of space and small letters are not those of protocols. */
const wireFacing = [
  /^src\/kit\/http\/(http-text|built-files)\.ts$/,
  /^src\/protocol\/(http-signature)\.ts$/,
  /^src\/box\/web\//,
  /^src\/box\/(api\/guard|origins|api\/event-sockets|auth\/pairing\/client-sockets)\.ts$/,
  /^src\/cloud\/relay\//,
  /^src\/cloud\/registration-server\/caller\.ts$/,
  /^src\/cloud\/dns-server\/(wire|legacy-api)\.ts$/,
  /^src\/cli\/find\/(box-proxy|local-proxy|proxy-headers)\.ts$/,
];
/**
 * Read the wall clock themselves: pages (all of src/web) and apps go by the device they run on, an HTTP date by that of who
 * asked, and a store was made before there was a clock to trust.
 */
const ownClock = new Set([
  'src/client/runtime.ts',
  'src/kit/http/refused-answer.ts',
  'src/cloud/dns-server/store.ts',
]);
/** Make the clock that everything in their program goes by, or run before there is one. */
const ownsClock = new Set(['src/box/box.ts', 'src/box/card/asked.ts', 'src/cloud/cloud.ts']);

/**
 * What the disk does not take is told to whoever watches it (src/kit/disk) by these alone: files and folders by
 * `kit/store/files.ts`, markers, databases. Whoever else writes has its reason here.
 */
const writers: Readonly<Record<string, string>> = {
  'src/kit/store/files.ts': 'tells',
  'src/kit/store/markers.ts': 'tells',
  'src/kit/store/database.ts': 'tells',
  'src/kit/disk/watch.ts': 'its probe',
  'src/kit/store/lock.ts': 'who has no lock does not start, and says so',
  'src/kit/log/journal.ts': 'a socket',
  'src/box/update/bundle-folder.ts': 'tells',
  'src/box/update/confirm.ts': 'root’s own program, in /run',
  'src/box/update/updates.ts': 'in /run',
  'src/box/card/data-folder.ts': 'root’s own program',
  'src/box/card/card-folder.ts': 'root’s own program, on the card',
  'src/box/control/socket-path.ts': 'only reads',
  'src/box/auth/enrolment/certificate-files.ts': 'opens folders; writes by kit/store/files.ts',
  'src/box/backup/state-files.ts': 'inside `storing`',
  'src/cloud/master-key.ts': 'links what kit/store/files.ts wrote; without it nothing starts',
};

/** The only files that may know that they are a process: they read the environment and end it. */
const isMain = (path: string): boolean => /(^|\/)(main\.ts|setup\.mjs)$/.test(path);

const sources = filesOf('src')
  .filter((path) => /\.(ts|mts|mjs|tsx)$/.test(path))
  .map((path): Source => {
    const text = readFileSync(join(root, path), 'utf8');
    return { path, text, imports: importsOf(path, text) };
  });

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(join(root, path)).isFile());
}

function importsOf(path: string, text: string): string[] {
  const specifiers = [
    ...text.matchAll(/^\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]/gm),
    ...text.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm),
    ...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g),
  ].map((match) => match[1] ?? '');
  return specifiers.map((name) => (name.startsWith('.') ? join(dirname(path), name) : name));
}

/** Code without comments and strings, so that a rule looks at what a file does and not at what it says. */
function codeOf(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
    .replaceAll(/\/\/.*$/gm, '');
}

const partOf = (path: string): string => path.split('/')[1] ?? '';
const isPackage = (name: string): boolean =>
  /^(node:|@[\w-]+\/|[\w-]+(\/|$))/.test(name) && !/^(src|test)\//.test(name);
const ours = (path: string): boolean => path.startsWith('src/');

/** Every breach of a rule by a file, as sentences. */
function breaches(rule: string, breaks: (source: Source) => readonly string[] | boolean): string[] {
  return sources.flatMap((source) => {
    const found = breaks(source);
    if (typeof found === 'boolean') return found ? [`${source.path}: ${rule}`] : [];
    return found.map((what) => `${source.path}: ${rule}: ${what}`);
  });
}

/** The breaches of a file that has one import. */
const planted = (path: string, target: string): string[] =>
  strayImports({ path, text: '', imports: [target] });

/** The folder of a file below `src/box` or `src/cloud`, or its name when it stands beside the parts. */
function partIn(of: string, path: string): string | undefined {
  const prefix = `src/${of}/`;
  if (!path.startsWith(prefix)) return undefined;
  const inside = path.slice(prefix.length);
  return inside.includes('/') ? dirname(inside) : inside;
}

/** A file beside the parts that any of them may import; the other ones compose the whole, and may import all. */
function isShared(of: string, part: string): boolean {
  if (!part.endsWith('.ts')) return false;
  return of === 'box' ? shared.has(part) : !composesCloud.has(part);
}

/** Imports of a part, or of what all parts share, that the tables do not have. */
function strayImports({ path, imports }: Source): string[] {
  return Object.entries({ box: boxParts, cloud: cloudParts }).flatMap(([of, table]) => {
    const part = partIn(of, path);
    if (part === undefined || (part.endsWith('.ts') && !isShared(of, part))) return [];
    const allowed = new Set([part, ...(table[part] ?? [])]);
    return imports.flatMap((target) => {
      const other = partIn(of, target);
      if (other === undefined || allowed.has(other) || isShared(of, other)) return [];
      return [`${path}: ${part} may not import ${other} (${target})`];
    });
  });
}

describe('who imports whom', () => {
  it('is known for every folder of src/', () => {
    const unknown = readdirSync(join(root, 'src')).filter((name) => mayImport[name] === undefined);
    expect(unknown, 'folders of src/ that test/layout.test.ts has no rule for').toEqual([]);
  });

  it('keeps protocol/ and kit/ leaves, and the programs apart', () => {
    const found = breaches('may not import', ({ path, imports }) => {
      const allowed = new Set([partOf(path), ...(mayImport[partOf(path)] ?? [])]);
      return imports.filter((target) => ours(target) && !allowed.has(partOf(target)));
    });
    expect(found).toEqual([]);
  });

  it.each([
    ['box', boxParts],
    ['cloud', cloudParts],
  ] as const)('is known for every part of %s, and has no circles', (of, table) => {
    const parts = sources.flatMap(({ path }) => partIn(of, path) ?? []);
    const known = new Set(Object.keys(table));
    const unknown = parts.filter((part) => !part.endsWith('.ts') && !known.has(part));
    expect(unknown, 'folders that have no line in the table').toEqual([]);
    const gone = Object.keys(table).filter((part) => !parts.includes(part));
    expect(gone, 'lines of the table that have no folder').toEqual([]);
    const done = new Set<string>();
    const visit = (part: string, above: readonly string[]): void => {
      expect(above, `${[...above, part].join(' → ')} is a circle`).not.toContain(part);
      if (!done.has(part)) for (const below of table[part] ?? []) visit(below, [...above, part]);
      done.add(part);
    };
    for (const part of Object.keys(table)) visit(part, []);
  });

  it('keeps the parts of box and cloud apart', () => {
    const all = sources.flatMap((source) => strayImports(source));
    expect(all).toEqual([]);
  });

  it('sees an import that should not be', () => {
    expect(planted('src/box/zone/zone-keeper.ts', 'src/box/announce/announcer.ts')).toHaveLength(1);
    expect(planted('src/box/sessions/tokens.ts', 'src/box/api/guard.ts')).toHaveLength(1);
    expect(planted('src/box/auth/pairing/pairing.ts', 'src/box/auth/agents/agents.ts')).toHaveLength(1);
    expect(planted('src/box/web/web.ts', 'src/box/access.ts')).toHaveLength(1);
    expect(planted('src/box/facts.ts', 'src/box/web/web.ts')).toHaveLength(1);
    expect(planted('src/cloud/relay/relay.ts', 'src/cloud/dns-server/api.ts')).toHaveLength(1);
    expect(planted('src/box/api/guard.ts', 'src/box/sessions/tokens.ts')).toEqual([]);
    expect(planted('src/box/zone/zone-keeper.ts', 'src/box/facts.ts')).toEqual([]);
  });

  it('stays inside src/, and names files by their whole name', () => {
    const found = breaches('imports what is no file of src/', ({ path, imports }) => {
      const files = imports.filter((target) => target.includes('/') && !isPackage(target));
      // setup.mjs runs before there is anything but Node, and package.json is the whole project's.
      return files.filter((target) => !isMain(path) && !(ours(target) && existsSync(join(root, target))));
    });
    expect(found).toEqual([]);
  });

  it('reaches every folder of box/ and cloud/ from a main file', () => {
    const reached = new Set(sources.map(({ path }) => path).filter(isMain));
    // A set visits what is added to it on the way.
    for (const path of reached)
      for (const target of sources.find((source) => source.path === path)?.imports ?? []) reached.add(target);
    const folders = new Set([...reached].map((path) => dirname(path)));
    const unreached = breaches('is in a folder that no main.ts reaches', ({ path }) =>
      /^src\/(box|cloud)\//.test(path) ? !folders.has(dirname(path)) : false,
    );
    expect(unreached).toEqual([]);
  });

  it('sees every way to import', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type {\n  B,\n} from '../b/b.ts';",
      "import './c.ts';",
      "export { d } from './d.ts';",
      "export * from './e.ts';",
      "const f = await import('./f.ts');",
      "import fc from 'fast-check';",
    ].join('\n');
    const found = [
      'src/x/a.ts',
      'src/b/b.ts',
      'src/x/d.ts',
      'src/x/e.ts',
      'fast-check',
      'src/x/c.ts',
      'src/x/f.ts',
    ];
    expect(importsOf('src/x/x.ts', text).toSorted()).toEqual(found.toSorted());
  });
});

describe('house rules', () => {
  it('finds the program’s own folder in one file, which is as deep in a checkout as in a bundle', () => {
    const found = breaches(
      'is deeper than a bundle is, where this path leads elsewhere: use kit/root.ts',
      ({ path, text }) =>
        /import\.meta\.(dirname|url)[^;]*'\.\.\//.test(text) &&
        path.split('/').length > 3 &&
        !isTool.test(path),
    );
    expect(found).toEqual([]);
  });

  it('lets only main files read the environment or end the process', () => {
    const found = breaches('only main.ts may use', ({ path, text }) => {
      if (isMain(path)) return [];
      return [...codeOf(text).matchAll(/\bprocess\.(env|exit|argv|exitCode)\b/g)].map((match) => match[0]);
    });
    expect(found).toEqual([]);
  });

  it('has no console and no default export', () => {
    const logs = breaches('logs through the logger, not', ({ text }) =>
      [...codeOf(text).matchAll(/\bconsole\.\w+/g)].map((match) => match[0]),
    );
    const defaults = breaches('has a default export', ({ path, text }) =>
      path.endsWith('.d.ts') ? false : /^export\s+(default\b|\{[^}]*\bas\s+default\b)/m.test(text),
    );
    expect([...logs, ...defaults]).toEqual([]);
  });

  it('reads the wall clock in one file, and here', () => {
    const reads = /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)/g;
    const sql = /\b(unixepoch|julianday|strftime|datetime|date)\((?:'now'|\))|\bCURRENT_(TIME|DATE)\w*/g;
    const found = breaches('goes by the clock that it is given, not by', ({ path, text }) => {
      if (
        path === 'src/kit/runtime/clock.ts' ||
        isMain(path) ||
        path.startsWith('src/web/') ||
        ownClock.has(path)
      )
        return [];
      return [...codeOf(text).matchAll(reads), ...text.matchAll(sql)].map((match) => match[0]);
    });
    expect(found).toEqual([]);
    const given = breaches(
      'is given its clock by main.ts or box.ts and has none of its own',
      ({ path, text }) => {
        if (!/^src\/(box|cloud)\//.test(path) || isMain(path) || ownsClock.has(path)) return false;
        return /\bsystemClock\b/.test(codeOf(text));
      },
    );
    expect(given).toEqual([]);
  });

  it('writes to the disk by what tells of a disk that takes nothing', () => {
    const writes =
      /import [^;]*\b(?:writeFile|appendFile|writeSync|rename|mkdir|mkdtemp|copyFile|cp|link|symlink|truncate|open|createWriteStream|DatabaseSync)(?:Sync)?\b[^;]*from 'node:(?:fs|fs\/promises|sqlite)'/;
    const isWriter = ({ path, text }: Source): boolean =>
      /^src\/(kit|box|cloud)\//.test(path) && writes.test(text.replaceAll(/import type [^;]*;/g, ''));
    const found = sources.filter(isWriter).map(({ path }) => path);
    expect(found.toSorted()).toEqual(Object.keys(writers).toSorted());
  });

  it('reads text from the wire byte by byte, with kit/http/http-text.ts', () => {
    const unused = wireFacing.filter((pattern) => !sources.some(({ path }) => pattern.test(path)));
    expect(unused).toEqual([]);
    const found = breaches('reads text from the wire with', ({ path, text }) => {
      if (!wireFacing.some((pattern) => pattern.test(path))) return [];
      // Of single letters that a pattern has found there is nothing to mistake.
      const code = codeOf(text).replaceAll(/\(letters?\) => letters?\.to(Lower|Upper)Case\(\)/g, '');
      return [...code.matchAll(/\.trim\w*\(|\.to(Lower|Upper)Case\(|\\[sS]/g)].map((match) => match[0]);
    });
    expect(found).toEqual([]);
  });

  it(`has no file of more than ${maxLines} lines`, () => {
    const found = breaches(`has more than ${maxLines} lines`, ({ text }) => {
      const lines = text.split('\n').length - 1;
      return lines > maxLines ? [String(lines)] : [];
    });
    expect(found).toEqual([]);
  });
});

describe('the pages', () => {
  it('are built anew by `npm start` when a file changes in any folder that they may be made of', () => {
    const setup = sources.find(({ path }) => path.endsWith('setup.mjs'))?.text ?? '';
    const [, list = ''] = /for \(const folder of \[([^\]]+)\]/.exec(setup) ?? [];
    const watched = new Set([...list.matchAll(/'src\/([a-z]+)'/g)].map(([, folder]) => folder));
    expect(watched).toEqual(new Set(['web', ...(mayImport['web'] ?? [])]));
  });
});

describe('test/', () => {
  it('mirrors src/: a folder of tests for every folder with code', () => {
    const folders = new Set(sources.filter(({ path }) => !isMain(path)).map(({ path }) => dirname(path)));
    const untested = [...folders].filter((folder) => {
      const mirror = join(root, 'test', relative('src', folder));
      return (
        !existsSync(mirror) ||
        !readdirSync(mirror, { recursive: true }).some((name) => String(name).endsWith('.test.ts'))
      );
    });
    expect(untested.toSorted(), 'folders of src/ without tests in test/').toEqual([]);
  });

  it('starts programs through test/support/programs.ts, which can say what is missing', () => {
    const itself = new Set(['test/support/programs.ts', 'test/check.ts']);
    const others = filesOf('test').filter((path) => {
      if (!path.endsWith('.ts') || itself.has(path)) return false;
      return /^import (?!type).*from 'node:child_process'/m.test(readFileSync(join(root, path), 'utf8'));
    });
    expect(others, 'import test/support/programs.ts instead of node:child_process').toEqual([]);
  });
});
