import type { AuditAction } from '../../../protocol/audit-api.ts';

type Deeds = Record<AuditAction, (who: string, what: string) => string>;

const boxOr = (who: string): string => who || 'The box';
const somebodyOr = (who: string): string => who || 'somebody';

/** Of the console: who stands at the door, and the record of what was done. */
export const en = {
  approvals: {
    title: 'Approvals',
    intro:
      'Programs and devices that the box does not know ask an owner once. They ask on top of whichever page you are on; the answer is remembered.',
    nobody: 'Nobody waits at the door.',
    asks: (label: string) => `“${label}” wants to be let in`,
    compare: 'Let it in only if you started this yourself, and it shows the same code:',
    left: (seconds: number) => (seconds === 1 ? '1 second left' : `${seconds} seconds left`),
    allow: 'Let in',
    allowName: (label: string) => `Let in ${label}`,
    refuse: 'Refuse',
    refuseName: (label: string) => `Refuse ${label}`,
    remembered: 'Answered before',
    none: 'Nothing was answered yet.',
    allowed: 'let in',
    refused: 'refused',
    by: (name: string) => `by ${name}`,
    forget: 'Forget',
    forgetName: (label: string) => `Forget the answer about ${label}`,
    forgetTitle: (label: string) => `Forget the answer about “${label}”?`,
    forgetAllowed: 'Its session ends at once, with all below it. When it comes again, you are asked again.',
    forgetRefused: 'When it comes again, you are asked again.',
  },
  audit: {
    title: 'Record',
    intro: (days: number) => `Who did what, when and from where. The box keeps it for ${days} days.`,
    show: 'Show',
    groups: {
      all: 'everything',
      logins: 'who came and went',
      sessions: 'sessions',
      door: 'who asked to be let in',
      refused: 'who was refused',
      changes: 'what was changed',
    },
    none: 'Nothing of this kind among these.',
    older: 'Older ones',
    deeds: {
      claimed: (who) => `${who} made this box theirs`,
      'logged-in': (who, what) => `${who} logged in: ${what}`,
      'login-failed': (who) => `A login as ${somebodyOr(who)} failed`,
      'logged-out': (who, what) => `${who} logged out: ${what}`,
      'session-made': (who, what) => `${what} was let in for ${who}`,
      'session-ended': (who, what) => `${boxOr(who)} ended the session of ${what}`,
      'session-expired': (_, what) => `The session of ${what} ended: it was not used for long`,
      'credential-replayed': (_, what) =>
        `The session of ${what} was ended: what it came in with was used twice, so somebody else may have it`,
      'approval-asked': (who) => `${who} asked to be let in`,
      'approval-allowed': (who, what) => `${who} let ${what} in`,
      'approval-refused': (who, what) => `${who} refused ${what}`,
      'approval-forgotten': (who, what) => `${who} forgot the answer about ${what}`,
      'person-invited': (who, what) => `${who} invited ${what}`,
      'person-joined': (who) => `${who} joined`,
      'person-removed': (who, what) => `${who} removed ${what}`,
      'password-changed': (who) => `${who} changed their password`,
      recovered: (who) => `${who} came back in with the recovery code`,
      'passkey-added': (who, what) => `${who} added the passkey ${what}`,
      'passkey-removed': (who) => `${who} removed a passkey`,
      'second-factor-on': (who) => `${who} switched on a second factor`,
      'second-factor-off': (who) => `${who} switched off the second factor`,
      'recovery-code-made': (who) => `${who} made a new recovery code`,
      'apps-changed': (who, what) => `${who} changed the list of apps: ${what || 'none'}`,
      'settings-changed': (who) => `${who} changed the settings`,
      'credential-refused': (who, what) => `${somebodyOr(who)} was refused${what && `: ${what}`}`,
      'certificate-issued': (who, what) => `${who} was given a certificate${what && `: ${what}`}`,
      'backup-made': (who) => `${boxOr(who)} made a backup`,
      restored: (who) => `${boxOr(who)} restored a backup`,
      reset: (who) => `${boxOr(who)} reset the box`,
      'update-installed': (who, what) => `${boxOr(who)} installed an update${what && `: ${what}`}`,
    } satisfies Deeds as Deeds,
  },
};
