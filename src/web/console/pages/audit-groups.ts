import type { AuditAction, AuditEntry } from '../../../protocol/audit-api.ts';

/** What a person looks for in the audit log; each action is in one of them. */
export const auditGroups = ['all', 'signIns', 'sessions', 'requests', 'changes', 'refused'] as const;
export type AuditGroup = (typeof auditGroups)[number];

const beginnings: Readonly<Record<Exclude<AuditGroup, 'all' | 'changes'>, readonly string[]>> = {
  signIns: ['logged-', 'claimed', 'recovered', 'person-joined'],
  sessions: ['session-'],
  requests: ['approval-'],
  refused: ['login-failed', 'credential-'],
};

/** The group of an audited action; what is in none of the others changed something. */
export function groupOf(action: AuditAction): AuditGroup {
  const found = Object.entries(beginnings).find(([, starts]) =>
    starts.some((start) => action.startsWith(start)),
  );
  return (found?.[0] ?? 'changes') as AuditGroup;
}

export function ofGroup(entries: readonly AuditEntry[], group: AuditGroup): readonly AuditEntry[] {
  return group === 'all' ? entries : entries.filter(({ action }) => groupOf(action) === group);
}
