import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { root } from '../root.ts';
import { messageOf, Problem } from '../runtime/errors.ts';
import { splitList } from './http-text.ts';

/** A built file as it is sent. */
export interface BuiltFile {
  type: string;
  body: Buffer;
  gzipped: Buffer;
  /** Strong, of the content (RFC 9110, 8.8.3). */
  etag: string;
  /** Its name changes with its content. */
  immutable: boolean;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webmanifest': 'application/manifest+json',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};

const compress = promisify(gzip);

/** Where `node src/web/build.ts` leaves a page. */
export const builtPages = (page: 'app' | 'console'): string => join(root, 'dist/web', page);

/**
 * Everything below `folder`, by its path in a URL, in memory: a page of some ten files is read once and cannot change or
 * vanish under a request. Throws `pages-not-built` when there is no `index.html`.
 */
export async function readBuiltFiles(folder: string): Promise<ReadonlyMap<string, BuiltFile>> {
  const files = new Map<string, BuiltFile>();
  for (const path of await filesBelow(folder)) {
    // Source maps and the like are not for the public.
    if (types[extname(path)] === undefined) continue;
    const name = relative(folder, path);
    files.set(name === 'index.html' ? '/' : `/${name}`, {
      ...(await readBuiltFile(path)),
      immutable: name.startsWith('assets/'),
    });
  }
  if (files.has('/')) return files;
  throw new Problem('pages-not-built', `there is no index.html in ${folder}: build the pages first`, {
    retryable: false,
    details: { folder },
  });
}

/** One file, as it is sent. Throws what reading it throws. */
export async function readBuiltFile(path: string): Promise<BuiltFile> {
  const body = await readFile(path);
  return {
    type: types[extname(path)] ?? 'application/octet-stream',
    body,
    gzipped: await compress(body, { level: 9 }),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    immutable: false,
  };
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    throw new Problem('pages-not-built', `the pages cannot be read: ${messageOf(error)}`, {
      retryable: false,
      cause: error,
      details: { folder },
    });
  }
}

/** Answers with a built file: 304 when the asker has it, zipped when they can read that. */
export function sendBuiltFile(file: BuiltFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { type, body, gzipped, etag, immutable } = file;
  reply.headers({
    etag,
    vary: 'accept-encoding',
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (asked(request.headers['if-none-match']).includes(etag)) return reply.status(304).send();
  reply.type(type);
  return zips(request) ? reply.header('content-encoding', 'gzip').send(gzipped) : reply.send(body);
}

/** Sends a text that was made for this request, zipped when the asker can read that. */
export async function sendZipped(
  text: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header('vary', 'accept-encoding');
  if (!zips(request)) return reply.send(text);
  return reply.header('content-encoding', 'gzip').send(await compress(text));
}

/** Whether gzip may be sent (RFC 9110, 12.5.3). */
const zips = ({ headers }: FastifyRequest): boolean =>
  /\bgzip\b(?![\t ]*;[\t ]*q=0(\.0*)?[\t ]*(,|$))/i.test(String(headers['accept-encoding']));

/** Entity tags of `If-None-Match`, whose comparison is the weak one (RFC 9110, 13.1.2). */
function asked(header: string | undefined): string[] {
  return splitList(header).map((tag) => tag.replace(/^W\//, ''));
}
