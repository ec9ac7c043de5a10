import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { build } from 'vite';
import { installFile } from './copy.ts';
import { run } from './run.ts';

/** What an image says of itself: a SemVer 2 version, and when it was built (ms). */
export interface Stamp {
  version: string;
  builtAt: number;
}

/** Files that the program reads at run time, from beside its own. */
const beside = [
  'src/box/tunnel/pagekite-launcher.py',
  'src/box/tunnel/landlock.py',
  'src/box/auth/sign-in/common-passwords.txt',
];
/** What `/openapi.json` answers; the image has no other docs. */
const apiDocuments = ['zone', 'registration', 'mailbox', 'box'].map((name) => `docs/api/${name}.json`);

/** With source maps, so that a stack trace in the journal names the line in the repository. */
export const launcher = `#!/bin/sh
exec /usr/lib/porchlight/bin/node --enable-source-maps /usr/lib/porchlight/program/bin/main.js "$@"
`;

/**
 * Puts Porchlight into a root file system: Node, the program with all its packages as one bundle, and the pages. The bundle
 * lies two folders deep, as the sources do, so that it finds package.json and the pages where they do.
 */
export async function installProgram(options: {
  checkout: string;
  tree: string;
  node: string;
  strip: string;
  stamp: Stamp;
}): Promise<void> {
  const { checkout, tree, node, strip, stamp } = options;
  const home = join(tree, 'usr/lib/porchlight');
  const program = join(home, 'program/bin');
  await bundle(checkout, program);
  for (const path of await readdir(join(checkout, 'dist/web'), { recursive: true, withFileTypes: true })) {
    const from = join(path.parentPath, path.name);
    const wanted = path.isFile() && path.name !== '.built' && !path.name.endsWith('.map');
    if (wanted) await installFile(from, join(home, relative(checkout, from)));
  }
  for (const path of apiDocuments) await installFile(join(checkout, path), join(home, path));
  await installFile(join(checkout, 'LICENSE'), join(home, 'LICENSE'));
  const { name, license } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  const manifest = { name, license, type: 'module', version: stamp.version, builtAt: stamp.builtAt };
  await writeFile(join(home, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await mkdir(join(home, 'bin'), { recursive: true });
  await run(strip, ['-o', join(home, 'bin/node'), node]);
  await chmod(join(home, 'bin/node'), 0o755);
  await writeFile(join(tree, 'usr/bin/porchlight'), launcher, { mode: 0o755 });
  await installCompletions(program, tree);
}

/** Where bash-completion looks; the image has no such package, so a login shell reads it by itself. */
const completions = 'usr/share/bash-completion/completions/porchlight';
const profile = `# What follows "porchlight " is completed with Tab.
case $- in
*i*) if [ -n "$BASH_VERSION" ]; then . /${completions}; fi ;;
esac
`;

/** What makes the shell of who comes in by ssh complete the commands; made by the program itself, in `folder`. */
export async function installCompletions(folder: string, tree: string): Promise<void> {
  const script = await run(process.execPath, [join(folder, 'main.js'), 'completions', 'bash']);
  for (const [path, text] of [
    [completions, script],
    ['etc/profile.d/porchlight.sh', profile],
  ] as const) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text, { mode: 0o644 });
  }
}

/** The program as a few files, each with its source map, and what it reads from beside them. */
export async function bundle(checkout: string, outDir: string): Promise<void> {
  await build({
    configFile: false,
    root: checkout,
    publicDir: false,
    logLevel: 'error',
    // Nothing is fetched on a box: what is imported comes along.
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: join(checkout, 'src/cli/main.ts'),
      outDir,
      emptyOutDir: true,
      target: 'node24',
      minify: false,
      sourcemap: true,
      // The two files that are read beside the sources are copied as they are.
      assetsInlineLimit: 0,
      rolldownOptions: {
        output: {
          chunkFileNames: '[name]-[hash].js',
          entryFileNames: 'main.js',
          // Names and lines are enough. They are the same wherever it was built: as if the sources lay two folders up.
          sourcemapExcludeSources: true,
          sourcemapPathTransform: (source, map) =>
            join('../..', relative(checkout, join(dirname(map), source))),
        },
      },
    },
  });
  await rm(join(outDir, 'assets'), { recursive: true, force: true });
  for (const path of beside) {
    await installFile(join(checkout, path), join(outDir, path.split('/').at(-1) ?? ''));
  }
}
