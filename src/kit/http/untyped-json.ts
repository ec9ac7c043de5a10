import { Problem } from '../runtime/errors.ts';
import type { HttpsApp } from './http-server.ts';

/**
 * Routes of `app` also take JSON that says no `content-type` (RFC 9110, 8.3: a recipient may look for itself). For calls that
 * clients of 2016 make, whose library sets none. Call it in a scope of its own: browsers send requests without a type too.
 */
export function takeUntypedJson(app: HttpsApp): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    const { 'content-type': given } = request.headers;
    if (given === undefined) {
      void parse(request, body as string, done);
    } else {
      const message = `${given.slice(0, 60)} is not taken here; send application/json`;
      done(new Problem('unsupported-media-type', message, { status: 415, retryable: false }));
    }
  });
}
