import { isDeepStrictEqual } from 'node:util';
import { Type, type TSchema } from 'typebox';
import { type Api, type Call, type CallAnswer, type Caller, isSchema } from './call.ts';
import type { Route } from './routes-of.ts';
import { Schemas } from './schemas.ts';

/** As much of OpenAPI 3.1 as is written here. */
export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: object[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: object };
}

export interface Operation {
  operationId: string;
  summary: string;
  description: string;
  security: Caller['security'];
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
}

/** Errors of every API. New codes may come; what else is beside the two depends on the code. */
const Problem = Type.Object(
  {
    code: Type.String({ description: 'stable: what a program decides by; see README.md' }),
    message: Type.String({ description: 'what was wrong and what to do, for people; its words may change' }),
    retryAfterSeconds: Type.Optional(Type.Number()),
  },
  { additionalProperties: true },
);

/**
 * The description of an API, from the schemas of its routes. OpenAPI 3.1 takes JSON Schema 2020-12 as it is, and so TypeBox's
 * schemas stand in it unchanged; `@fastify/swagger` would make 3.0's of them (patterns of names and constants are lost).
 * Throws `TypeError` for a route that no call describes, and for a call without a route: that is a bug, not bad input.
 */
export function openApiDocument(api: Api, routes: readonly Route[]): OpenApiDocument {
  const schemas = new Schemas({ Problem });
  const paths: OpenApiDocument['paths'] = {};
  const told = distinct(routes).filter(({ method, path }) => !api.hidden.has(`${method} ${path}`));
  const known = new Map(api.calls.map((call) => [call.route, call]));
  for (const route of told.toSorted(byPath)) {
    const name = `${route.method} ${route.path}`;
    const call = known.get(name);
    if (call === undefined) throw new TypeError(`${api.name}: no call describes the route ${name}`);
    known.delete(name);
    const entry = (paths[templateOf(route.path)] ??= {});
    entry[route.method.toLowerCase()] = operation(api, route, call, schemas);
  }
  const [left] = known.keys();
  if (left !== undefined) throw new TypeError(`${api.name}: there is no route ${left}`);
  const { title, version, description, server, securitySchemes } = api;
  return {
    openapi: '3.1.0',
    info: { title, version, description },
    servers: [server],
    paths,
    components: { schemas: schemas.components(), securitySchemes },
  };
}

/** A route that is there twice (a plugin that was registered for two applications) is one. */
function distinct(routes: readonly Route[]): Route[] {
  return routes.filter(
    ({ method, path }, index) =>
      routes.findIndex((other) => other.method === method && other.path === path) === index,
  );
}

const byPath = (one: Route, other: Route): number =>
  compare(one.path, other.path) || compare(one.method, other.method);
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** `/v1/zones/{boxId}`; the rest of a path is `{path}`, which may then hold slashes. */
const templateOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}');

/** Who may call a route: what its own `config` says, else the call. */
function callerOf(api: Api, route: Route, call: Call): Caller {
  const who = call.who ?? route.config.admission ?? '';
  const changes = !['GET', 'HEAD'].includes(route.method);
  const caller = (changes ? api.callers[`${who}, changing`] : undefined) ?? api.callers[who];
  if (caller === undefined) throw new TypeError(`${api.name}: nothing says who may call ${call.route}`);
  return caller;
}

function operation(api: Api, route: Route, call: Call, schemas: Schemas): Operation {
  const { who, security } = callerOf(api, route, call);
  const proof = route.config.recentProof === undefined ? '' : ` ${proofWords(route.config.recentProof)}`;
  const parameters = [
    ...parametersIn('path', route.schema.params ?? pathSchema(route.path), schemas),
    ...parametersIn('query', route.schema.querystring ?? call.query, schemas),
  ];
  const { body } = route.schema;
  const content = body === undefined ? call.body : { type: 'application/json', schema: body };
  return {
    operationId: operationId(route),
    summary: call.summary,
    description: `For ${who}.${proof}`,
    security,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(content === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [content.type]: { schema: schemas.use(content.schema) } },
          },
        }),
    responses: responses(route, call, schemas),
  };
}

const proofWords = (wanted: unknown): string =>
  wanted === true ? 'Wants recent proof.' : 'Wants recent proof, depending on what is asked.';

/** `get_api_sessions_id`: unique in a document, and the same as long as the route is. */
const operationId = ({ method, path }: Route): string =>
  [method.toLowerCase(), ...path.split(/[^A-Za-z0-9]+/)].filter((word) => word !== '').join('_');

/** The names of a path whose route has no schema for them: any text. */
function pathSchema(path: string): TSchema | undefined {
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
  if (path.endsWith('*')) names.push('path');
  if (names.length === 0) return undefined;
  return Type.Object(Object.fromEntries(names.map((name) => [name, Type.String()])));
}

function parametersIn(
  where: 'path' | 'query',
  schema: TSchema | undefined,
  schemas: Schemas,
): NonNullable<Operation['parameters']> {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, TSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, value]) => ({
    name,
    in: where,
    required: required.includes(name),
    schema: schemas.use(value),
  }));
}

function responses(route: Route, call: Call, schemas: Schemas): Operation['responses'] {
  for (const [status, schema] of Object.entries(route.schema.response ?? {}))
    if (!isDeepStrictEqual(call.answers[Number(status)], schema))
      throw new TypeError(`${call.route} answers ${status} otherwise than its call says`);
  const all = Object.entries(call.answers).map(([status, answer]) => [status, response(answer, schemas)]);
  const problem = { schema: schemas.named('Problem') };
  return {
    ...Object.fromEntries(all),
    default: {
      description: 'Refused, or failed: the status is the code’s.',
      content: { 'application/json': problem },
    },
  };
}

function response(answer: CallAnswer, schemas: Schemas): Operation['responses'][string] {
  if (isSchema(answer))
    return {
      description: (answer as { description?: string }).description ?? 'Answered.',
      content: { 'application/json': { schema: schemas.use(answer) } },
    };
  const { what, type } = answer;
  return { description: what, ...(type === undefined ? {} : { content: { [type]: {} } }) };
}
