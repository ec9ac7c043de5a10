/* Writes what is generated in docs/: `npm run docs`. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeAtomic } from '../kit/store/files.ts';
import { generatedDocs } from './generated-docs.ts';

const docs = join(import.meta.dirname, '../../docs');
for (const [name, text] of await generatedDocs()) {
  await mkdir(dirname(join(docs, name)), { recursive: true });
  await writeAtomic(join(docs, name), text, 0o644);
}
