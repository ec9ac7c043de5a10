import type { en } from './approvals.en.ts';
import type { Translation } from './translation.ts';

const boxOr = (who: string): string => who || 'Die Box';

export const de: Translation<typeof en> = {
  approvals: {
    title: 'Freigaben',
    intro:
      'Programme und Geräte, die die Box nicht kennt, fragen einmal, ob sie hereindürfen. Die Anfrage erscheint über jeder Seite; die Antwort merkt sich die Box.',
    nobody: 'Keine offenen Anfragen.',
    asks: (label) => `„${label}“ möchte herein`,
    compare: 'Lassen Sie es nur herein, wenn Sie es selbst gestartet haben und es denselben Code zeigt:',
    left: (seconds) => (seconds === 1 ? 'noch 1 Sekunde' : `noch ${seconds} Sekunden`),
    allow: 'Hereinlassen',
    allowName: (label) => `${label} hereinlassen`,
    refuse: 'Abweisen',
    refuseName: (label) => `${label} abweisen`,
    remembered: 'Frühere Antworten',
    none: 'Noch keine Anfrage wurde beantwortet.',
    allowed: 'hereingelassen',
    refused: 'abgewiesen',
    by: (name) => `von ${name}`,
    forget: 'Vergessen',
    forgetName: (label) => `Antwort zu ${label} vergessen`,
    forgetTitle: (label) => `Antwort zu „${label}“ vergessen?`,
    forgetAllowed:
      'Es wird sofort abgemeldet, mit allem, was dadurch hereinkam. Bei der nächsten Anfrage werden Sie wieder gefragt.',
    forgetRefused: 'Bei der nächsten Anfrage werden Sie wieder gefragt.',
  },
  audit: {
    title: 'Aktivitäten',
    intro: (days) => `Wer was wann und von wo aus getan hat. Die Box bewahrt es ${days} Tage lang auf.`,
    show: 'Zeigen',
    groups: {
      all: 'alles',
      signIns: 'An- und Abmeldungen',
      sessions: 'Sitzungen',
      requests: 'Anfragen',
      refused: 'was abgewiesen wurde',
      changes: 'Änderungen',
    },
    none: 'Davon gibt es hier nichts.',
    older: 'Ältere',
    actions: {
      claimed: (who) => `${who} ist jetzt Besitzer dieser Box`,
      'logged-in': (who, what) => `${who} hat sich angemeldet: ${what}`,
      'login-failed': (who) => `Anmeldung${who && ` als ${who}`} fehlgeschlagen`,
      'logged-out': (who, what) => `${who} hat sich abgemeldet: ${what}`,
      'session-made': (who, what) => `${what} wurde für ${who} hereingelassen`,
      'session-ended': (who, what) => `${boxOr(who)} hat ${what} abgemeldet`,
      'session-expired': (_, what) => `${what} wurde abgemeldet: lange nicht benutzt`,
      'credential-replayed': (_, what) =>
        `${what} wurde abgemeldet: Der Schlüssel dazu wurde zweimal benutzt, also hat ihn vielleicht noch jemand`,
      'approval-asked': (who) => `${who} wollte herein`,
      'approval-allowed': (who, what) => `${who} hat ${what} hereingelassen`,
      'approval-refused': (who, what) => `${who} hat ${what} abgewiesen`,
      'approval-forgotten': (who, what) => `${who} hat die Antwort zu ${what} verworfen`,
      'person-invited': (who, what) => `${who} hat ${what} eingeladen`,
      'person-joined': (who) => `${who} ist beigetreten`,
      'person-removed': (who, what) => `${who} hat ${what} entfernt`,
      'password-changed': (who) => `${who} hat das Passwort geändert`,
      recovered: (who) => `${who} hat sich mit dem Wiederherstellungscode angemeldet`,
      'passkey-added': (who, what) => `${who} hat den Passkey ${what} angelegt`,
      'passkey-removed': (who) => `${who} hat einen Passkey entfernt`,
      'second-factor-on': (who) => `${who} hat einen zweiten Faktor eingeschaltet`,
      'second-factor-off': (who) => `${who} hat den zweiten Faktor ausgeschaltet`,
      'recovery-code-made': (who) => `${who} hat einen neuen Wiederherstellungscode erstellt`,
      'apps-changed': (who, what) => `${who} hat die Liste der verbundenen Apps geändert: ${what || 'keine'}`,
      'settings-changed': (who) => `${who} hat die Einstellungen geändert`,
      'credential-refused': (who, what) => `${who || 'Jemand'} wurde abgewiesen${what && `: ${what}`}`,
      'certificate-issued': (who, what) => `${who} hat ein Zertifikat erhalten${what && `: ${what}`}`,
      'backup-made': (who) => `${boxOr(who)} hat eine Sicherung angelegt`,
      restored: (who) => `${boxOr(who)} hat eine Sicherung zurückgespielt`,
      reset: (who) => `${boxOr(who)} hat die Box auf Werkseinstellungen zurückgesetzt`,
      'update-installed': (who, what) => `${boxOr(who)} hat ein Update installiert${what && `: ${what}`}`,
      'identity-copied': (_who, what) =>
        what === 'copy'
          ? 'Eine andere Box hat die Identität dieser Box, die daher nur zu Hause erreichbar ist: Eine Karte wurde kopiert'
          : 'Eine zweite Box mit der Identität dieser Box wurde abgewiesen: Eine Karte wurde kopiert',
    },
  },
};
