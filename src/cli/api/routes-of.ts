import { channel } from 'node:diagnostics_channel';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { TSchema } from 'typebox';

/** A route as a server has it. */
export interface Route {
  method: string;
  /** As Fastify has it: `/v1/zones/:boxId`. */
  path: string;
  schema: {
    params?: TSchema;
    querystring?: TSchema;
    body?: TSchema;
    response?: Readonly<Record<number, TSchema>>;
  };
  config: NonNullable<RouteOptions['config']>;
}

/**
 * The routes of each Fastify application that is made while `make` runs, but those that answer for another one (`HEAD`, and
 * `OPTIONS` of CORS). Fastify tells of each application on a diagnostics channel, so no server needs to know that it is watched.
 */
export async function routesOf(make: () => Promise<unknown>): Promise<Route[][]> {
  const applications: Route[][] = [];
  const watch = (message: unknown): void => {
    const { fastify } = message as { fastify: FastifyInstance };
    const routes: Route[] = [];
    applications.push(routes);
    fastify.addHook('onRoute', ({ method, url, schema = {}, config = {} }) => {
      for (const one of [method].flat())
        if (one !== 'HEAD' && one !== 'OPTIONS')
          routes.push({ method: one, path: url, schema: schema as Route['schema'], config });
    });
  };
  const made = channel('fastify.initialization');
  made.subscribe(watch);
  try {
    await make();
  } finally {
    made.unsubscribe(watch);
  }
  return applications;
}
