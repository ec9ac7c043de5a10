import { Problem } from '../kit/runtime/errors.ts';

/** A path of the box: `//other.example` and `/\other.example` are paths to another host. */
export function safePath(path: string): string {
  const url = path.startsWith('/') ? new URL(path, 'https://box.invalid') : undefined;
  if (url?.origin !== 'https://box.invalid') {
    throw new Problem(
      'bad-path',
      `${JSON.stringify(path.slice(0, 100))} is not a path of the box: begin it with one “/”`,
      {
        status: 400,
        retryable: false,
      },
    );
  }
  return url.pathname + url.search;
}
