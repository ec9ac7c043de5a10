/* Writes the pages of docs/ that are generated: `npm run docs`. */
import { join } from 'node:path';
import { writeAtomic } from '../kit/files.ts';
import { configurationPage } from './configuration-page.ts';

await writeAtomic(join(import.meta.dirname, '../../docs/CONFIGURATION.md'), configurationPage(), 0o644);
