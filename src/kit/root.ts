import { join } from 'node:path';

/**
 * Where `package.json`, `dist` and `docs` of this program are. Two folders above, in a checkout as in the image, whose bundle is in
 * `program/bin`: so this file stays where it is.
 */
export const root = join(import.meta.dirname, '../..');
