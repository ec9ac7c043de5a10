import { backupRoutes } from '../../../src/box/backup/routes.ts';
import type { PartRoutes } from '../../../src/box/ports.ts';
import { settingsRoutes } from '../../../src/box/settings/routes.ts';
import { updateRoutes } from '../../../src/box/update/routes.ts';
import type { Updater } from '../../../src/box/update/updater.ts';

export interface LabParts {
  settings: Parameters<typeof settingsRoutes>[0];
  backups: Parameters<typeof backupRoutes>[0];
  /** Absent: no calls of updates. */
  updater?: Updater;
}

const none = (): Promise<never> => Promise.reject(new Error('no backups here'));

const settings: LabParts['settings'] = {
  read: () => ({ name: 'Our box', tunnel: true, discovery: 'always' }),
  write: async ({ name, tunnel }) => ({ name, tunnel, discovery: 'off' }),
};

export const noBackups: LabParts['backups'] = {
  make: none,
  restore: none,
  reset: none,
  restart: () => undefined,
};

/** The calls of the box's other parts, of which a test names those that it looks at. */
export function partRoutes(parts: Partial<LabParts> = {}): PartRoutes[] {
  const { updater } = parts;
  return [
    settingsRoutes(parts.settings ?? settings),
    backupRoutes(parts.backups ?? noBackups),
    ...(updater === undefined ? [] : [updateRoutes(updater)]),
  ];
}
