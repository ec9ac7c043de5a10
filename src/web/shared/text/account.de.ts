import type { Translation } from './translation.ts';
import type { en } from './account.en.ts';

export const de: Translation<typeof en> = {
  proof: {
    title: 'Bestätigen Sie, dass Sie es sind',
    intro:
      'Das bleibt wirksam, auch wenn Sie sich abmelden. Deshalb fragt die Box noch einmal, und danach fünf Minuten lang nicht mehr.',
    submit: 'Bestätigen',
    password: 'Ihr Passwort',
    passkey: 'Passkey verwenden',
  },
  secondFactor: {
    title: 'Zweiter Faktor',
    intro:
      'Damit kann sich auch niemand anmelden, der Ihr Passwort erfahren hat. Ein Passkey zählt für sich schon als zwei Faktoren: Er allein lässt Sie immer hinein.',
    off: 'Aus: Ihr Passwort genügt zum Anmelden.',
    onTotp: 'Ein: Zusätzlich zum Passwort brauchen Sie einen Code Ihrer Authenticator-App.',
    onPasskey: 'Ein: Ihr Passwort genügt nicht; Sie melden sich mit einem Passkey an.',
    totp: 'Authenticator-App einrichten',
    passkey: 'Passkey verlangen',
    switchOff: 'Ausschalten',
    offTitle: 'Den zweiten Faktor ausschalten?',
    offText: 'Ihr Passwort allein genügt dann wieder zum Anmelden. Die Box vergisst die Authenticator-App.',
    scan: 'Scannen Sie dies mit Ihrer Authenticator-App, und geben Sie dann die sechs Ziffern ein, die sie zeigt.',
    qr: 'QR-Code für die Authenticator-App',
    orType: 'Oder geben Sie diesen Schlüssel in die App ein:',
    here: 'Die Authenticator-App auf diesem Gerät öffnen',
    confirm: 'Einschalten',
    cancel: 'Abbrechen',
    code: 'Code Ihrer Authenticator-App',
    codeHint: 'Sechs Ziffern; jeder Code gilt einmal.',
    passkeyNeeded:
      'Das Passwort stimmt, aber Ihr Konto verlangt einen Passkey: Benutzen Sie den Knopf dafür.',
  },
  newRecoveryCode: {
    title: 'Wiederherstellungscode',
    intro:
      'Wenn Sie den gesicherten Code verloren haben oder jemand ihn gesehen hat, erstellen Sie einen neuen. Der alte gilt dann nicht mehr.',
    made: 'Das ist Ihr neuer Wiederherstellungscode. Er gilt einmal und wird nur jetzt gezeigt.',
    make: 'Neuen Wiederherstellungscode erstellen',
  },
  otherAccess: {
    title: 'Was sich sonst noch anmelden kann',
    intro:
      'All das wird entfernt, damit niemand, der Ihr Passwort hatte, anders zurückkommt. Kreuzen Sie an, was Sie wiedererkennen und behalten wollen.',
    none: 'Sonst kann sich nichts anmelden.',
    keep: (label) => `${label} behalten`,
    keepAll: 'Alles behalten',
    at: (when) => `zuletzt benutzt oder angelegt ${when}`,
    kinds: {
      passkey: 'Passkey',
      totp: 'Authenticator-App',
      invitation: 'Einladung',
      listed: 'App, die um Verbindung bitten darf',
    },
  },
  account: {
    title: 'Ihr Konto',
    signedInAs: (name) => `Sie sind als ${name} angemeldet.`,
    passwordTitle: 'Passwort',
    passwordIntro: 'Wenn Sie es ändern, werden Sie überall sonst abgemeldet.',
    passwordSubmit: 'Passwort ändern',
    passwordChanged: 'Ihr Passwort ist geändert.',
    passkeysTitle: 'Passkeys',
    passkeysIntro:
      'Melden Sie sich mit Fingerabdruck, Gesicht oder der PIN eines Geräts an, unter jedem Namen dieser Box.',
    passkeysNotHere:
      'Passkeys gehören zum Hauptnamen der Box. Öffnen Sie sie unter diesem Namen, um einen anzulegen.',
    noPasskeys: 'Sie haben noch keinen Passkey.',
    added: (when) => `angelegt ${when}`,
    used: (when) => `zuletzt benutzt ${when}`,
    passkeyName: 'Name des neuen Passkeys',
    passkeyNameHint: 'Damit Sie ihn wiedererkennen, zum Beispiel „Mein Telefon“.',
    passkeyAdd: 'Passkey anlegen',
    passkeyAdded: 'Der Passkey ist angelegt.',
    remove: 'Entfernen',
    removeName: (name) => `${name} entfernen`,
    removeTitle: (name) => `Den Passkey „${name}“ entfernen?`,
    removeText: 'Sie können sich dann nicht mehr damit anmelden.',
    thisDevice: 'Dieses Gerät',
  },
};
