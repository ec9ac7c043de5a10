import { describe, expect, it } from 'vitest';
import { Devices } from '../../../../src/box/auth/enrolment/devices.ts';
import { Sessions } from '../../../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../../../src/box/sessions/store.ts';
import { createLog } from '../../../../src/kit/log/log.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { temporaryFolder } from '../../../support/folder.ts';

describe('the devices', () => {
  it('do not keep a session from ending when the disk takes nothing: its sockets are told after them', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'warn', format: 'json', write: (line) => lines.push(line) });
    const clock = new FakeClock();
    const store = new AccessStore(temporaryFolder());
    await store.open();
    const sessions = new Sessions({ store, clock });
    const devices = new Devices({ store, sessions, clock, log });
    const told: string[] = [];
    sessions.onEnded(() => {
      store.run('PRAGMA query_only = ON');
      devices.noteRevoked();
    });
    sessions.onEnded((ended) => told.push(...ended));
    const { id } = sessions.create({
      parentId: null,
      personId: null,
      kind: 'device',
      label: 'device',
      address: null,
      idleMs: null,
    });
    sessions.end(id);
    expect(told).toEqual([id]);
    expect(lines.join('')).toContain('written down later');
    store.close();
  });
});
