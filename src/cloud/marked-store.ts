import { join } from 'node:path';
import type { Marked } from '../kit/store/database.ts';
import { Markers, markersFolder } from '../kit/store/markers.ts';

/** A store in `folder` whose absence is damage once it has been there: no box is forgotten in silence. */
export function markedStore(folder: string, name: string, what: string): Marked {
  const beginNew = `remove ${join(folder, markersFolder, name)}, and start again`;
  return { markers: new Markers(folder), name, what, beginNew };
}
