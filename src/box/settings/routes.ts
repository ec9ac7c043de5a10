import { accessLimits, SettingsRequest } from '../../protocol/access-api.ts';
import type { PartRoutes } from '../ports.ts';
import type { OwnerSettings } from './owner-settings.ts';

/** The settings that owners change while the box runs. */
export function settingsRoutes(settings: Pick<OwnerSettings, 'read' | 'write'>): PartRoutes {
  return (app, { guard }) => {
    const person = { config: { admission: 'person' } } as const;
    const config = { admission: 'owner', recentProof: true } as const;
    const lasting = { config, bodyLimit: accessLimits.formBytes, schema: { body: SettingsRequest } } as const;
    app.get('/settings', person, async () => settings.read());
    app.put('/settings', lasting, async (request) =>
      settings.write(request.body, guard.note(request, 'settings-changed')),
    );
  };
}
