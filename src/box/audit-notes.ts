import { randomUUID } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { type AuditAction, auditActions } from '../protocol/audit-api.ts';

/**
 * An event of a change that is made outside of access's store (settings in a file, an update begun, a restored state). It is
 * written with its action, in the same file by the same rename, and from there into the audit log, now or at the next start:
 * `key` makes that happen once. So a power cut leaves both or neither.
 */
export const AuditNote = Type.Object({
  key: Type.String({ minLength: 1, maxLength: 64 }),
  at: Type.Integer(),
  action: Type.Enum(auditActions),
  who: Type.String(),
  what: Type.String(),
  address: Type.Union([Type.String(), Type.Null()]),
});
export type AuditNote = Static<typeof AuditNote>;

/** In a file beside what was done. Those that the audit log has go as new ones come. */
export const AuditNotes = Type.Optional(Type.Array(AuditNote));

/** So many stay in a file: more than can wait, as each is told as soon as it is written. */
const kept = 5;

/** The notes of a file, with that of the action that it is about to hold. */
export function withNote(before: readonly AuditNote[], note: AuditNote | undefined): AuditNote[] {
  return note === undefined ? [...before] : [...before, note].slice(-kept);
}

/** Who acts on the machine itself (`porchlight`, a file on the card), as the audit log has it. */
export const root = 'root';

/** What root did. */
export function rootNote(action: AuditAction, at: number): AuditNote {
  return { key: randomUUID(), at: Math.round(at), action, who: root, what: '', address: null };
}

/** What the box itself found out. */
export function boxNote(action: AuditAction, what: string, at: number): AuditNote {
  return { ...rootNote(action, at), who: '', what };
}
