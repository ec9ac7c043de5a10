import type { AuditAction, AuditEntry } from '../../../protocol/audit-api.ts';

/** What a person looks for in the record; each deed is in one of them. */
export const auditGroups = ['all', 'logins', 'sessions', 'door', 'changes', 'refused'] as const;
export type AuditGroup = (typeof auditGroups)[number];

const beginnings: Readonly<Record<Exclude<AuditGroup, 'all' | 'changes'>, readonly string[]>> = {
  logins: ['logged-', 'claimed', 'recovered', 'person-joined'],
  sessions: ['session-'],
  door: ['approval-'],
  refused: ['login-failed', 'credential-'],
};

/** The group of a deed; what is in none of the others changed something. */
export function groupOf(action: AuditAction): AuditGroup {
  const found = Object.entries(beginnings).find(([, starts]) =>
    starts.some((start) => action.startsWith(start)),
  );
  return (found?.[0] ?? 'changes') as AuditGroup;
}

export function ofGroup(entries: readonly AuditEntry[], group: AuditGroup): readonly AuditEntry[] {
  return group === 'all' ? entries : entries.filter(({ action }) => groupOf(action) === group);
}
