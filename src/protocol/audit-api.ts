import { type Static, Type } from 'typebox';

/** The audit log: who did what, when and from where. Stable words; a page has them in the person's language. */
export const auditActions = [
  'claimed',
  'logged-in',
  'login-failed',
  'logged-out',
  'session-made',
  'session-ended',
  'session-expired',
  /** A one-time code or a refresh token came twice, so it is in two hands: the session was ended. */
  'credential-replayed',
  'approval-asked',
  'approval-allowed',
  'approval-refused',
  'approval-forgotten',
  'person-invited',
  'person-joined',
  'person-removed',
  'password-changed',
  'recovered',
  'passkey-added',
  'passkey-removed',
  'second-factor-on',
  'second-factor-off',
  'recovery-code-made',
  'apps-changed',
  'settings-changed',
  'credential-refused',
  'certificate-issued',
  'backup-made',
  'restored',
  'reset',
  'update-installed',
  /** Another box has this identity. `what`: `first` (it was kept out) or `copy` (this one was). */
  'identity-copied',
] as const;
export type AuditAction = (typeof auditActions)[number];

export const auditLimits = {
  keepDays: 90,
  /** A bound on the disk it takes; the oldest go first. */
  entries: 20_000,
  /** Of one answer of `GET /api/audit?before=<id>`. */
  page: 200,
} as const;

/** `at`: ms since the epoch. */
export const AuditEntry = Type.Object({
  id: Type.Integer(),
  at: Type.Integer(),
  action: Type.Enum(auditActions),
  /** A person's name, a session's label, or what a stranger calls itself. */
  who: Type.String(),
  what: Type.String(),
  address: Type.Union([Type.String(), Type.Null()]),
});
export type AuditEntry = Static<typeof AuditEntry>;

/** `GET /api/audit?before=<id>` (owners): the youngest first. */
export const AuditView = Type.Object({ entries: Type.Array(AuditEntry) });
export type AuditView = Static<typeof AuditView>;
