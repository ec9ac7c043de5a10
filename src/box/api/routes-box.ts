import { Type } from 'typebox';
import type { Fact } from '../../kit/fact.ts';
import type { HttpApp } from '../../kit/http-server.ts';
import {
  accessLimits,
  type LogLine,
  logLevels,
  SettingsRequest,
  type SettingsView,
  type Ways,
} from '../../protocol/access-api.ts';
import type { ServiceView } from '../../protocol/service-api.ts';
import type { AuditNote } from '../audit-notes.ts';
import { preflight, type Guard } from './guard.ts';

/** The settings that owners change while the box runs; kept and applied by whoever composes the box. */
export interface Settings {
  read(): SettingsView;
  /** Durable with the event of the change when it resolves; answers the settings as they are now. */
  write(wanted: SettingsRequest, note?: AuditNote): Promise<SettingsView>;
}

export interface BoxRoutesOptions {
  guard: Guard;
  boxId: string;
  boxName: Fact<string>;
  ways: Fact<Ways>;
  /** What `porchlight status` shows, as JSON. */
  status: () => object;
  /** Published services with their addresses. */
  services: () => readonly ServiceView[];
  settings: Settings;
  /** The lines younger than `after`, of `level` and above, oldest first; redacted, and no more than fit in one answer. */
  logs: (query: { after: number; level: LogLine['level'] }) => readonly LogLine[];
}

/** The box as those see it who are in: its state for people and apps, its settings and its log for owners. */
export function boxRoutes(app: HttpApp, options: BoxRoutesOptions): void {
  const { guard, boxId, boxName, ways, status, services, settings, logs } = options;
  const apps = { config: { admission: 'app' } } as const;
  const person = { config: { admission: 'person' } } as const;
  const owner = { config: { admission: 'owner' }, bodyLimit: accessLimits.formBytes } as const;
  const lasting = { ...owner, config: { ...owner.config, recentProof: true } } as const;
  for (const path of ['/api/me', '/api/state', '/api/ways']) app.options(path, apps, preflight);

  app.get('/api/me', apps, async (request) => {
    const { person, session } = guard.who(request);
    return { person, session: { id: session.id, kind: session.kind }, boxId, boxName: boxName.value };
  });
  app.get('/api/state', apps, async () => status());
  app.get('/api/ways', apps, async (): Promise<Ways> => ways.value);
  app.get('/api/services', person, async () => ({ services: services() }));

  app.get('/api/settings', person, async () => settings.read());
  app.put('/api/settings', { ...lasting, schema: { body: SettingsRequest } }, async (request) =>
    settings.write(request.body, request.auditNote?.('settings-changed')),
  );

  const querystring = Type.Object({
    after: Type.Optional(Type.Integer({ minimum: 0 })),
    level: Type.Optional(Type.Enum(logLevels)),
  });
  app.get('/api/logs', { ...owner, schema: { querystring } }, async (request) => {
    const { after = 0, level = 'info' } = request.query;
    return { lines: logs({ after, level }) };
  });
}
