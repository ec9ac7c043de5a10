import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { OpenApiDocument } from '../../../src/cli/api/open-api.ts';
import { errorCodes } from '../../../src/protocol/error-codes.ts';

interface Answered {
  status: number;
  headers: Readonly<Record<string, unknown>>;
  text: string;
}

/** Compares answers with what docs/api says of them. */
export class Documented {
  readonly #document: OpenApiDocument;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  /** The calls that were compared: `GET /api/me 200`. */
  readonly compared = new Set<string>();

  constructor(name: string) {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/api', `${name}.json`), 'utf8');
    this.#document = JSON.parse(text) as OpenApiDocument;
    const { schemas } = this.#document.components;
    // An answer may get fields; here one that no document has is a fault.
    for (const [schema, content] of Object.entries(schemas)) if (schema !== 'Problem') closed(content);
    this.#ajv.addSchema({ $id: 'api', components: { schemas } });
  }

  /** What is wrong with an answer, in words; empty when it is as the document has it. */
  faults(method: string, path: string, { status, headers, text }: Answered): string[] {
    const found = this.#operation(method, path);
    if (found === undefined) return [`${method} ${path} is not described`];
    const { template, responses } = found;
    const call = `${method} ${template} ${status}`;
    this.compared.add(call);
    const documented = responses[String(status)];
    if (documented === undefined)
      return status < 400 ? [`${call} is not described`] : this.#refusal(call, status, text);
    const [type] = Object.keys(documented.content ?? {});
    if (type === undefined) return text === '' ? [] : [`${call} has a body: ${text.slice(0, 80)}`];
    if (!String(headers['content-type']).startsWith(type))
      return [`${call} is ${String(headers['content-type'])}`];
    const schema = documented.content?.[type]?.schema;
    return schema === undefined ? [] : this.#against(call, schema, text);
  }

  #refusal(call: string, status: number, text: string): string[] {
    const { code } = JSON.parse(text) as { code: string };
    const known = (errorCodes as Readonly<Record<string, number>>)[code];
    // What HTTP itself finds wrong has a status of its own.
    const right = known === status || (code === 'bad-request' && status < 500);
    const faults = right ? [] : [`${call}: ${code} travels with ${known ?? 'no status'}`];
    return [...faults, ...this.#against(call, { $ref: '#/components/schemas/Problem' }, text)];
  }

  #against(call: string, schema: object, text: string): string[] {
    const check = this.#compiled(schema);
    if (check(JSON.parse(text))) return [];
    return (check.errors ?? []).map(
      ({ instancePath, message, params }) => `${call} ${instancePath}: ${message} ${JSON.stringify(params)}`,
    );
  }

  #compiled(schema: object): ValidateFunction {
    const own = structuredClone(schema);
    closed(own);
    const text = JSON.stringify(own).replaceAll('"#/components/', '"api#/components/');
    return this.#ajv.compile(JSON.parse(text) as object);
  }

  #operation(
    method: string,
    path: string,
  ): { template: string; responses: OpenApiDocument['paths'][string][string]['responses'] } | undefined {
    const [name = ''] = path.split('?');
    const { paths } = this.#document;
    const template =
      paths[name] === undefined
        ? Object.keys(paths).find((key) => new RegExp(`^${key.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(name))
        : name;
    const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
    return template === undefined || operation === undefined
      ? undefined
      : { template, responses: operation.responses };
  }
}

/** No other fields than those that are named, at every depth. */
function closed(schema: unknown): void {
  if (typeof schema !== 'object' || schema === null) return;
  for (const inner of Object.values(schema)) closed(inner);
  const { properties, additionalProperties } = schema as Record<string, unknown>;
  if (properties === undefined || additionalProperties !== undefined) return;
  if (Object.keys(properties as object).length > 0) Object.assign(schema, { additionalProperties: false });
}
