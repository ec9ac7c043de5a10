/* Writes the pages of docs/ that are generated: `npm run docs`. */
import { join } from 'node:path';
import { writeAtomic } from '../kit/files.ts';
import { configurationPage } from './configuration-page.ts';
import { statePage } from './state-page.ts';

const docs = join(import.meta.dirname, '../../docs');
await writeAtomic(join(docs, 'CONFIGURATION.md'), configurationPage(), 0o644);
await writeAtomic(join(docs, 'STATE.md'), statePage(), 0o644);
