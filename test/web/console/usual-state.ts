import type { SessionNode } from '../../../src/protocol/access-api.ts';
import type { PendingApproval } from '../../../src/protocol/approvals-api.ts';
import { auditActions, type AuditEntry } from '../../../src/protocol/audit-api.ts';
import type { FakeState } from './fake-box.ts';
import { usualAccount } from './fake-account.ts';
import { usualUpdate } from './fake-updates.ts';

const minute = 60_000;
const day = 1440 * minute;
const boxId = 'u4k2xq7dnw3bm5t6rhy2pzc7vfj4ge3lsoa6idq2n5wkx7bt3mya';

/** Of each action one; `signIns` before them. */
export function recordAt(now: number, signIns = 0): AuditEntry[] {
  const whats: Partial<Record<AuditEntry['action'], string>> = {
    'session-made': 'Porchlight · desk',
    'session-expired': 'Photo frame',
    'credential-replayed': 'Photo frame',
    'approval-allowed': 'Label printer',
    'approval-refused': 'Unknown program',
    'approval-forgotten': 'Unknown program',
    'passkey-added': 'My phone',
    'logged-in': 'Firefox on Android',
    'logged-out': 'Firefox on Android',
    'session-ended': 'Photo frame (+1)',
    'person-invited': 'Konrad',
    'person-removed': 'Konrad',
    'apps-changed': 'Porchlight',
  };
  const actions = [...auditActions, ...Array.from({ length: signIns }, () => 'logged-in' as const)];
  return actions.map((action, index) => ({
    id: actions.length - index,
    at: now - index * 7 * minute,
    action,
    who: 'Ada',
    what: whats[action] ?? '',
    address: index % 3 === 0 ? null : '192.168.1.31',
  }));
}

/** Somebody who waits. */
export function questionAt(now: number): PendingApproval {
  return {
    id: 'q1',
    kind: 'client',
    label: 'Cockpit on the kitchen tablet',
    code: 'K7QF',
    address: '192.168.1.44',
    askedAt: now,
    endsAt: now + 2 * minute,
  };
}

/** A box as it is in an ordinary home, with one thing that needs a look. */
export function usualState(now: number): FakeState {
  const zone = `${boxId}.box.example.org`;
  const well = (name: string, message: string): FakeState['state']['conditions'][number] => ({
    name,
    severity: 'ok',
    message,
    since: now - day,
  });
  const session = (id: string, more: Partial<SessionNode>): SessionNode => ({
    id,
    parentId: null,
    kind: 'login',
    label: 'Chromium on Linux',
    personId: 'p1',
    createdAt: now - 3 * day,
    lastSeenAt: now - 5000,
    lastAddress: '192.168.1.31',
    expiresAt: null,
    current: false,
    ...more,
  });
  return {
    session: {
      stage: 'first-run',
      boxName: 'Living room',
      boxId,
      through: 'home',
      person: null,
      csrf: null,
      passkeys: true,
    },
    state: {
      now,
      version: '0.1.0',
      addresses: ['192.168.1.20'],
      certificate: { notAfter: now + 63 * day },
      tunnel: { phase: 'connected', origin: `https://remote.${zone}` },
      announce: { announcedAt: now - 42_000, shortCode: 'K7QM' },
      ways: [
        { kind: 'main', url: `https://${zone}/` },
        { kind: 'mirror', url: `https://a.${zone}/` },
        { kind: 'mirror', url: `https://b.${zone}/` },
        { kind: 'tunnel', url: `https://remote.${zone}/` },
        { kind: 'local', url: 'https://porchlight-u4k2xq7d.local/' },
        { kind: 'address', url: `https://192-168-1-20.${zone}/` },
      ],
      services: [
        { label: 'photos', url: `https://photos.${zone}/` },
        { label: 'notes', url: `https://notes.${zone}/`, awaySince: now - 7_200_000 },
      ],
      conditions: [
        well('announce', 'announced; browsers behind 203.0.113.7 find this box'),
        well('certificate', 'valid'),
        well('network', '192.168.1.20 on eth0'),
        well('tunnel', 'connected'),
        {
          name: 'zone.rebinding-filter',
          severity: 'warning',
          message: 'the resolver 192.168.1.1 drops the address of the box from its answers',
          remedy: 'allow box.example.org in the rebinding protection of the router',
          since: now - 2 * 60 * minute,
        },
      ],
    },
    sessions: [
      session('s1', { current: true }),
      session('s2', {
        parentId: 's1',
        kind: 'app',
        label: 'Porchlight · Chromium on Linux',
        lastSeenAt: now - minute,
      }),
      session('s3', { kind: 'agent', label: 'Porchlight agent · desk', lastSeenAt: now - 2 * minute }),
      session('s5', {
        parentId: 's3',
        kind: 'page',
        label: 'Porchlight · desk',
        lastSeenAt: now - 9 * minute,
        expiresAt: now + 5 * minute,
      }),
      session('s6', {
        kind: 'client',
        label: 'Cockpit on the kitchen tablet',
        lastSeenAt: now - 20 * minute,
      }),
      session('s7', { kind: 'device', label: 'Label printer', lastSeenAt: now - 30 * minute }),
      session('s8', { kind: 'instance', label: 'Party · Pixel 9', lastSeenAt: now - day }),
      session('s4', {
        label: 'Firefox on Android',
        lastSeenAt: now - 2 * day,
        lastAddress: '2001:db8:17:4a00:9d3e:11ff:fe42:8c1',
      }),
    ],
    approvals: {
      pending: [],
      remembered: [
        ['a1', 'device', 'Label printer', true],
        ['a2', 'client', 'Unknown program', false],
      ].map(([id, kind, label, allowed]) => ({
        id: String(id),
        kind: kind as 'client',
        label: String(label),
        allowed: allowed === true,
        sessionId: allowed === true ? 's5' : null,
        decidedBy: 'Ada',
        decidedAt: now - 2 * day,
      })),
    },
    audit: recordAt(now),
    people: [
      { id: 'p1', name: 'Ada', role: 'owner', createdAt: now - 30 * day, invited: false },
      { id: 'p2', name: 'Grace', role: 'member', createdAt: now - 12 * day, invited: false },
      { id: 'p3', name: 'Konrad', role: 'member', createdAt: now - day, invited: true },
    ],
    passkeys: [
      { id: 'k1', label: 'My phone', createdAt: now - 20 * day, lastUsedAt: now - day },
      { id: 'k2', label: 'This device', createdAt: now - day, lastUsedAt: null },
    ],
    apps: [
      {
        clientId: 'https://app.example.org/',
        name: 'Porchlight',
        redirectUris: ['https://app.example.org/'],
      },
    ],
    settings: { name: 'Living room', tunnel: true, discovery: 'always' },
    update: usualUpdate(now),
    logs: [
      ['info', 'network', '192.168.1.20 on eth0'],
      ['info', 'zone', 'published main and 2 mirrors, serial 42'],
      ['info', 'certificate', 'a new certificate is in use until 2027-01-25'],
      ['warn', 'zone', 'the resolver 192.168.1.1 drops the address of the box from its answers'],
      ['info', 'tunnel', 'connected to 198.51.100.4'],
      ['error', 'tunnel', 'the relay did not answer for 10 s; connecting again'],
      ['info', 'tunnel', 'connected to 198.51.100.4'],
    ].map(([level, part, message], index) => ({
      seq: index + 1,
      time: now - (20 - index) * minute,
      level: level as FakeState['logs'][number]['level'],
      part: part ?? '',
      message: message ?? '',
    })),
    ...usualAccount(now),
    taken: [],
  };
}
