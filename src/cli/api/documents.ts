import { boxApi } from './box-api.ts';
import type { Api } from './call.ts';
import { mailboxApi, registrationApi, zoneApi } from './cloud-apis.ts';
import { type OpenApiDocument, openApiDocument } from './open-api.ts';
import { routesOfApi } from './servers.ts';

const apis: readonly Api[] = [zoneApi, registrationApi, mailboxApi, boxApi];

/** The document of each API, made from the routes of now. */
export async function apiDocuments(): Promise<ReadonlyMap<Api, OpenApiDocument>> {
  const documents = new Map<Api, OpenApiDocument>();
  for (const api of apis) documents.set(api, openApiDocument(api, await routesOfApi(api)));
  return documents;
}

/** A document as its file holds it. */
export const documentText = (document: object): string => `${JSON.stringify(document, undefined, 2)}\n`;
