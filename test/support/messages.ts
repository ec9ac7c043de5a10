import * as fc from 'fast-check';
import type { TSchema } from 'typebox';

interface SchemaText {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: SchemaText[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, SchemaText>;
  required?: string[];
  items?: SchemaText;
  maxItems?: number;
}

/** Values of the shape that `schema` allows. Of TypeBox's kinds it knows those that messages of ours are made of. */
export function fromSchema(schema: TSchema): fc.Arbitrary<unknown> {
  return arbitraryOf(schema);
}

function arbitraryOf(schema: SchemaText): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(arbitraryOf));
  switch (schema.type) {
    case 'string':
      return schema.pattern === undefined
        ? fc.string({
            unit: 'binary',
            minLength: schema.minLength ?? 0,
            maxLength: Math.min(schema.maxLength ?? 50, 200),
          })
        : fc.stringMatching(new RegExp(schema.pattern.replace(',60000}', ',200}')));
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1000 });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1000, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}), { maxLength: schema.maxItems ?? 4 });
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(
        ([name, inner]) => [name, arbitraryOf(inner)] as const,
      );
      return fc.record(Object.fromEntries(fields), { requiredKeys: schema.required ?? [] });
    }
    case undefined:
    default:
      return fc.jsonValue();
  }
}

/** `recording` with one place in it changed, left out, or put twice: what comes from a broken or hostile peer. */
export function mutated(recording: unknown): fc.Arbitrary<unknown> {
  if (typeof recording === 'string') {
    const text = recording;
    return fc.oneof(
      fc.jsonValue(),
      fc
        .tuple(fc.nat(Math.max(0, text.length - 1)), fc.string({ unit: 'binary', maxLength: 3 }))
        .map(([at, put]) => text.slice(0, at) + put + text.slice(at + 1)),
      fc.constant(text + text),
    );
  }
  if (typeof recording !== 'object' || recording === null) return fc.jsonValue();
  const entries = Object.entries(recording);
  const changes = entries.map(([name, inner]) =>
    fc.oneof(
      mutated(inner).map((changed) => ({ ...recording, [name]: changed })),
      fc.constant(Object.fromEntries(entries.filter(([other]) => other !== name))),
    ),
  );
  return fc.oneof(
    ...changes,
    fc.jsonValue().map((more) => ({ ...recording, more })),
    fc.jsonValue(),
  );
}
