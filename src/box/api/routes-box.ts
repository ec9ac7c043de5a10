import { Type } from 'typebox';
import type { Fact } from '../../kit/runtime/fact.ts';
import type { HttpApp } from '../../kit/http/http-server.ts';
import { accessLimits, type LogLine, logLevels, type Endpoints } from '../../protocol/access-api.ts';
import type { ServiceView } from '../../protocol/service-api.ts';
import { preflight, type Guard } from './guard.ts';

export interface BoxRoutesOptions {
  guard: Guard;
  boxId: string;
  boxName: Fact<string>;
  ways: Fact<Endpoints>;
  /** What `porchlight status` shows, as JSON. */
  status: () => object;
  /** Published services with their addresses. */
  services: () => readonly ServiceView[];
  /** The lines younger than `after`, of `level` and above, oldest first; redacted, and no more than fit in one answer. */
  logs: (query: { after: number; level: LogLine['level'] }) => readonly LogLine[];
}

/** The box as those see it who are in: its state for people and apps, and its log for owners. */
export function boxRoutes(app: HttpApp, options: BoxRoutesOptions): void {
  const { guard, boxId, boxName, ways, status, services, logs } = options;
  const apps = { config: { admission: 'app' } } as const;
  const person = { config: { admission: 'person' } } as const;
  const owner = { config: { admission: 'owner' }, bodyLimit: accessLimits.formBytes } as const;
  for (const path of ['/api/me', '/api/state', '/api/ways']) app.options(path, apps, preflight);

  app.get('/api/me', apps, async (request) => {
    const { person, session } = guard.who(request);
    return { person, session: { id: session.id, kind: session.kind }, boxId, boxName: boxName.value };
  });
  app.get('/api/state', apps, async () => status());
  app.get('/api/ways', apps, async (): Promise<Endpoints> => ways.value);
  app.get('/api/services', person, async () => ({ services: services() }));

  const querystring = Type.Object({
    after: Type.Optional(Type.Integer({ minimum: 0 })),
    level: Type.Optional(Type.Enum(logLevels)),
  });
  app.get('/api/logs', { ...owner, schema: { querystring } }, async (request) => {
    const { after = 0, level = 'info' } = request.query;
    return { lines: logs({ after, level }) };
  });
}
