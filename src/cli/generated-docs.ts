import { apiDocuments, documentText } from './api/documents.ts';
import { apiPage } from './api/page.ts';
import { configSchemas } from './config-schemas.ts';
import { configurationPage } from './configuration-page.ts';
import { statePage } from './state-page.ts';

/** Every file of docs/ that is made from the sources, by its path there. */
export async function generatedDocs(): Promise<ReadonlyMap<string, string>> {
  const documents = await apiDocuments();
  return new Map([
    ['CONFIGURATION.md', configurationPage()],
    ['STATE.md', statePage()],
    ...[...documents].map(([{ name }, document]) => [`api/${name}.json`, documentText(document)] as const),
    ['api/README.md', apiPage(documents)],
    ...[...configSchemas()].map(([name, schema]) => [`schemas/${name}.json`, documentText(schema)] as const),
  ]);
}
