import { Problem } from '../../../kit/runtime/errors.ts';
import { problemOf } from '../../shared/api.ts';

/**
 * Sends a file as it is. `fetch` says nothing of how much has been sent, so this is XMLHttpRequest. Answers the JSON of the
 * answer; every failure is a `Problem`.
 */
export function upload<T>(
  path: string,
  file: Blob,
  options: { csrf: string; onPercent: (percent: number) => void; signal: AbortSignal },
): Promise<T> {
  const { csrf, onPercent, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const request = new XMLHttpRequest();
  request.open('PUT', path);
  request.setRequestHeader('content-type', 'application/octet-stream');
  request.setRequestHeader('x-csrf-token', csrf);
  request.responseType = 'json';
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    if (total > 0) onPercent(Math.floor((100 * loaded) / total));
  });
  request.addEventListener('load', () => {
    const { status, response } = request;
    if (status >= 200 && status < 300) resolve(response as T);
    else reject(problemOf(status, response));
  });
  request.addEventListener('error', () => reject(new Problem('unreachable', 'the box does not answer')));
  request.addEventListener('abort', () => reject(new DOMException('left the page', 'AbortError')));
  signal.addEventListener('abort', () => request.abort(), { once: true });
  request.send(file);
  return promise;
}
