import type { en } from './shared.en.ts';
import type { Translation } from './translation.ts';

export const de: Translation<typeof en> = {
  product: 'Porchlight',
  language: 'Sprache',
  skip: 'Zum Inhalt springen',
  cancel: 'Abbrechen',
  copy: 'Kopieren',
  copied: 'Kopiert',
  loading: 'Einen Moment …',
  again: 'Noch einmal versuchen',
  missing: 'Bitte füllen Sie dieses Feld aus.',
  show: 'Zeigen',
  hide: 'Verbergen',
  waitSeconds: (seconds) =>
    seconds < 90
      ? `Versuchen Sie es in ${seconds} ${seconds === 1 ? 'Sekunde' : 'Sekunden'} noch einmal.`
      : `Versuchen Sie es in ${Math.ceil(seconds / 60)} Minuten noch einmal.`,
  problems: {
    'bad-request': 'Die Box hat das nicht verstanden. Prüfen Sie Ihre Eingabe.',
    'not-logged-in': 'Sie sind nicht mehr angemeldet. Melden Sie sich noch einmal an.',
    'wrong-setup-code':
      'Das ist nicht der Einrichtungscode dieser Box. Er steht in porchlight.txt auf der Speicherkarte oder auf der Karte in der Packung; auch „porchlight status“ zeigt ihn.',
    'wrong-name-or-password': 'Der Name oder das Passwort stimmt nicht.',
    'wrong-recovery-code':
      'Der Name oder der Wiederherstellungscode stimmt nicht, oder der Code ist verbraucht.',
    'invite-refused': 'Diese Einladung ist unbekannt, schon benutzt oder zu alt. Bitten Sie um eine neue.',
    'passkey-refused': 'Die Box hat diesen Passkey nicht angenommen.',
    'only-at-home': 'Das geht nur aus dem Heimnetz der Box.',
    'cross-site-request': 'Die Seite war zu lange offen. Laden Sie sie neu und versuchen Sie es noch einmal.',
    'not-a-name-of-the-box':
      'Diese Adresse ist keine der Box selbst. Öffnen Sie die Box unter einem ihrer eigenen Namen.',
    'owner-only': 'Das dürfen nur Besitzer der Box.',
    'proof-needed': 'Bestätigen Sie erst, dass Sie es sind, und versuchen Sie es dann noch einmal.',
    'second-factor-needed': 'Das Passwort stimmt. Ihr Konto verlangt außerdem einen Code oder einen Passkey.',
    'wrong-code':
      'Dieser Code stimmt nicht oder wurde schon benutzt. Geben Sie den nächsten ein, den die App zeigt.',
    'no-passkey': 'Sie haben noch keinen Passkey. Legen Sie erst einen an.',
    'last-second-factor':
      'Das ist Ihr letzter Passkey, und Ihr Konto verlangt einen zusätzlich zum Passwort. Schalten Sie das erst ab.',
    'passkey-known': 'Die Box kennt diesen Passkey schon. Legen Sie einen neuen an.',
    'passphrase-refused': 'Dieses Kennwort ist zu kurz. Nehmen Sie mindestens 10 Zeichen.',
    'wrong-passphrase': 'Das Kennwort stimmt nicht, oder die Datei ist beschädigt.',
    'backup-malformed':
      'Diese Datei ist keine Sicherung, die diese Box lesen kann. Vielleicht stammt sie von einer neueren Box.',
    'backup-too-large': 'Die Box enthält mehr, als in eine Sicherung passt.',
    'app-not-allowed': 'Diese App steht nicht auf der Liste der Apps, die nach dieser Box fragen dürfen.',
    'not-found': 'Das gibt es nicht mehr.',
    'not-claimed': 'Diese Box hat noch keinen Besitzer.',
    'already-claimed': 'Diese Box hat schon einen Besitzer. Melden Sie sich stattdessen an.',
    'name-taken': 'Diesen Namen hat schon jemand auf dieser Box. Wählen Sie einen anderen.',
    'last-owner': 'Eine Box braucht einen Besitzer: Machen Sie erst jemand anderen dazu.',
    'body-too-large': 'Das ist zu lang.',
    'redirect-malformed':
      'Das ist keine Rückkehradresse. Sie beginnt mit https://, bei einem Programm auf einem Rechner mit http://localhost oder mit dem eigenen Schema einer App, das einen Punkt enthält, und hat weder # noch Platzhalter.',
    'rate-limited': 'Zu viele Versuche.',
    'storage-failed': 'Die Box konnte das nicht speichern: Ihr Speicher arbeitet nicht, wie er soll.',
    'storage-read-only': 'Die Box konnte das nicht speichern: Ihr Speicher nimmt gerade keine Änderungen an.',
    'not-ready': 'Die Box startet gerade. Versuchen Sie es gleich noch einmal.',
    'not-an-appliance': 'Diese Box wurde von Hand installiert: Aktualisieren Sie sie auf dieselbe Weise.',
    'update-busy': 'Ein Update läuft. Warten Sie, bis es fertig ist.',
    'on-trial': 'Die installierte Version ist noch auf Probe. Versuchen Sie es in einigen Minuten wieder.',
    'downgrade-refused':
      'Dieses Paket ist älter als die installierte Version. Erlauben Sie das, wenn Sie es so wollen.',
    'no-update-server': 'Diese Box hat keinen Update-Server.',
    'nothing-to-restart-into': 'Kein Update wartet auf einen Neustart.',
    'restart-not-possible': 'Die Box kann hier nicht selbst neu starten. Starten Sie sie von Hand neu.',
    'no-such-release': 'Es gibt nichts Neueres für diese Box.',
    'bundle-refused': 'Dieses Paket ist nicht für diese Box: Unterschrift, Art oder Inhalt stimmen nicht.',
    'storage-full': 'Die Box konnte das nicht speichern: Auf ihrem Speicher ist nicht genug Platz.',
    unexpected: 'Auf der Box ist etwas schiefgegangen. Ihre Protokolle sagen, was.',
    unreachable: 'Die Box antwortet nicht. Prüfen Sie, ob sie Strom hat und ob Sie online sind.',
    'passkey-not-made':
      'Es wurde kein Passkey angelegt. Sie können es noch einmal versuchen oder später nachholen.',
    'passkey-not-used':
      'Es wurde kein Passkey verwendet. Versuchen Sie es noch einmal, oder melden Sie sich mit Ihrem Passwort an.',
  },
  cannotSave: {
    title: 'Die Box kann gerade nichts speichern',
    why: {
      'storage-full': 'Ihr Speicher ist voll.',
      'storage-read-only': 'Ihr Speicher nimmt keine Änderungen an.',
      'storage-failed': 'Ihr Speicher arbeitet nicht, wie er soll.',
    },
    works:
      'Was auf ihr ist, ist noch da: Wer angemeldet ist, bleibt es, und die Apps in Ihrem Zuhause laufen weiter. Anmelden und Ändern müssen warten.',
    toDo: {
      full: 'Schaffen Sie Platz auf ihrem Speicher, oder nehmen Sie eine größere Karte. Die Box macht dann von selbst weiter, innerhalb einer Minute.',
      worn: 'Starten Sie die Box neu. Kommt das wieder, ist die Karte verschlissen: Laden Sie eine Sicherung herunter und tauschen Sie die Karte.',
    },
  },
  passwordRefusals: {
    'too-short':
      'Dieses Passwort ist zu kurz: Nehmen Sie mindestens 8 Zeichen. Ein paar Wörter ergeben ein gutes.',
    'too-long': 'Dieses Passwort ist zu lang: Nehmen Sie höchstens 256 Zeichen.',
    repeated: 'Dieses Passwort besteht nur aus ein oder zwei wiederholten Zeichen. Nehmen Sie ein anderes.',
    common:
      'Dieses Passwort probiert jeder zuerst aus. Nehmen Sie ein anderes, zum Beispiel ein paar Wörter.',
    'own-name': 'Dieses Passwort ist Ihr Name oder der Name der Box. Nehmen Sie ein anderes.',
  },
};
