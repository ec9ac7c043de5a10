import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { apiDocuments, documentText } from '../../../src/cli/api/documents.ts';
import { openApiDocument } from '../../../src/cli/api/open-api.ts';
import { zoneApi } from '../../../src/cli/api/cloud-apis.ts';

const documents = await apiDocuments();

describe.each([...documents].map(([api, document]) => ({ name: api.name, api, document })))(
  'the description of $name',
  ({ api, document }) => {
    it('is OpenAPI 3.1', async () => {
      const validator = new Validator();
      const { valid, errors } = await validator.validate(documentText(document));
      expect(errors).toBeUndefined();
      expect(valid).toBe(true);
      expect(validator.version).toBe('3.1');
    });

    it('refers only to what is in it, and has only what is referred to', () => {
      const text = JSON.stringify(document);
      const referred = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
        (match) => match[1],
      );
      expect(new Set(referred)).toEqual(new Set(Object.keys(document.components.schemas)));
    });

    it('says of each call who may make it, by schemes that it explains', () => {
      const used = Object.values(document.paths)
        .flatMap((operations) => Object.values(operations))
        .flatMap(({ security }) => security.flatMap((one) => Object.keys(one)));
      expect(new Set(used)).toEqual(new Set(Object.keys(api.securitySchemes)));
    });
  },
);

it('cannot be made with a route that nobody described, or a call that is no route', () => {
  const route = { method: 'GET', path: '/new', schema: {}, config: {} };
  expect(() => openApiDocument({ ...zoneApi, calls: [] }, [route])).toThrow(
    'no call describes the route GET /new',
  );
  expect(() => openApiDocument(zoneApi, [])).toThrow('there is no route GET /openapi.json');
});
