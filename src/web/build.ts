import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/** The pages there are: each a folder beside this file, with an `index.html` that names its script. */
const pages = ['app', 'console'] as const;
export type PageName = (typeof pages)[number];

interface PageFile {
  /** Below the page's folder: `index.html`, `assets/main-B3x….js`. Files below `assets/` never change under their name. */
  path: string;
  bytes: number;
  gzipBytes: number;
}
export type PageManifest = Record<PageName, readonly PageFile[]>;

const manifestName = 'manifest.json';

/**
 * Builds the pages into `<outDir>/app` and `<outDir>/console`: static files that may stand below any path. Scripts and
 * styles are files of their own, for a content security policy without `unsafe-inline`. Also writes `manifest.json`.
 */
export async function buildPages(options: { outDir: string; only?: PageName }): Promise<PageManifest> {
  const { outDir, only } = options;
  for (const page of only === undefined ? pages : [only]) await buildPage(page, join(outDir, page));
  const manifest = { app: filesBelow(join(outDir, 'app')), console: filesBelow(join(outDir, 'console')) };
  writeFileSync(join(outDir, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

function weight(files: readonly PageFile[]): number {
  return files.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0);
}

/** Gzipped bytes of everything of each page that was built, the parts that are loaded later included. */
export function pageWeights(outDir: string): Record<PageName, number> {
  const manifest = JSON.parse(readFileSync(join(outDir, manifestName), 'utf8')) as PageManifest;
  return { app: weight(manifest.app), console: weight(manifest.console) };
}

async function buildPage(page: PageName, outDir: string): Promise<void> {
  await build({
    configFile: false,
    root: join(import.meta.dirname, page),
    base: './',
    publicDir: false,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir,
      emptyOutDir: true,
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
    },
  });
}

/** None when the page has not been built. */
function filesBelow(folder: string): PageFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => {
      const content = readFileSync(path);
      return {
        path: relative(folder, path),
        bytes: content.length,
        gzipBytes: gzipSync(content, { level: 9 }).length,
      };
    })
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

if (import.meta.main) {
  const outDir = join(import.meta.dirname, '../../dist/web');
  await buildPages({ outDir });
  for (const [page, bytes] of Object.entries(pageWeights(outDir)))
    process.stdout.write(`${page}: ${(bytes / 1000).toFixed(1)} kB gzipped\n`);
}
