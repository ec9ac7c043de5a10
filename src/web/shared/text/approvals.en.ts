import type { AuditAction } from '../../../protocol/audit-api.ts';

type ActionTexts = Record<AuditAction, (who: string, what: string) => string>;

const boxOr = (who: string): string => who || 'The box';

/** Of the console: who asks to be let in, and the audit log. */
export const en = {
  approvals: {
    title: 'Approvals',
    intro:
      'Programs and devices that the box does not know ask an owner once. The request appears on top of whichever page you are on; the answer is remembered.',
    nobody: 'No requests waiting.',
    asks: (label: string) => `“${label}” wants to be let in`,
    compare: 'Let it in only if you started this yourself and it shows the same code:',
    left: (seconds: number) => (seconds === 1 ? '1 second left' : `${seconds} seconds left`),
    allow: 'Let in',
    allowName: (label: string) => `Let in ${label}`,
    refuse: 'Refuse',
    refuseName: (label: string) => `Refuse ${label}`,
    remembered: 'Earlier answers',
    none: 'Nothing has been answered yet.',
    allowed: 'let in',
    refused: 'refused',
    by: (name: string) => `by ${name}`,
    forget: 'Forget',
    forgetName: (label: string) => `Forget the answer about ${label}`,
    forgetTitle: (label: string) => `Forget the answer about “${label}”?`,
    forgetAllowed:
      'It is signed out at once, with everything it let in. If it comes back, you are asked again.',
    forgetRefused: 'If it comes back, you are asked again.',
  },
  audit: {
    title: 'Activity',
    intro: (days: number) => `Who did what, when and from where. The box keeps it for ${days} days.`,
    show: 'Show',
    groups: {
      all: 'everything',
      signIns: 'signing in and out',
      sessions: 'sessions',
      requests: 'requests to be let in',
      refused: 'what was refused',
      changes: 'changes',
    },
    none: 'Nothing of this kind here.',
    older: 'Older',
    actions: {
      claimed: (who) => `${who} became the owner of this box`,
      'logged-in': (who, what) => `${who} signed in: ${what}`,
      'login-failed': (who) => `Failed sign-in${who && ` as ${who}`}`,
      'logged-out': (who, what) => `${who} signed out: ${what}`,
      'session-made': (who, what) => `${what} was let in for ${who}`,
      'session-ended': (who, what) => `${boxOr(who)} signed out ${what}`,
      'session-expired': (_, what) => `${what} was signed out: it was not used for a long time`,
      'credential-replayed': (_, what) =>
        `${what} was signed out: its key was used twice, so somebody else may have it`,
      'approval-asked': (who) => `${who} asked to be let in`,
      'approval-allowed': (who, what) => `${who} let ${what} in`,
      'approval-refused': (who, what) => `${who} refused ${what}`,
      'approval-forgotten': (who, what) => `${who} forgot the answer about ${what}`,
      'person-invited': (who, what) => `${who} invited ${what}`,
      'person-joined': (who) => `${who} joined`,
      'person-removed': (who, what) => `${who} removed ${what}`,
      'password-changed': (who) => `${who} changed their password`,
      recovered: (who) => `${who} signed in with the recovery code`,
      'passkey-added': (who, what) => `${who} added the passkey ${what}`,
      'passkey-removed': (who) => `${who} removed a passkey`,
      'second-factor-on': (who) => `${who} switched on a second factor`,
      'second-factor-off': (who) => `${who} switched off the second factor`,
      'recovery-code-made': (who) => `${who} made a new recovery code`,
      'apps-changed': (who, what) => `${who} changed the list of connected apps: ${what || 'none'}`,
      'settings-changed': (who) => `${who} changed the settings`,
      'credential-refused': (who, what) => `${who || 'Somebody'} was refused${what && `: ${what}`}`,
      'certificate-issued': (who, what) => `${who} got a certificate${what && `: ${what}`}`,
      'backup-made': (who) => `${boxOr(who)} made a backup`,
      restored: (who) => `${boxOr(who)} restored a backup`,
      reset: (who) => `${boxOr(who)} did a factory reset`,
      'update-installed': (who, what) => `${boxOr(who)} installed an update${what && `: ${what}`}`,
      'identity-copied': (_who, what) =>
        what === 'copy'
          ? 'Another box has this box’s identity, so this one works at home only: a card was copied'
          : 'A second box with this box’s identity was kept out: a card was copied',
    } satisfies ActionTexts as ActionTexts,
  },
};
