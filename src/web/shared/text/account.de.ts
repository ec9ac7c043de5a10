import type { Translation } from './translation.ts';
import type { en } from './account.en.ts';

export const de: Translation<typeof en> = {
  proof: {
    title: 'Bestätigen Sie, dass Sie es sind',
    intro:
      'Das bleibt gültig, auch wenn Sie sich abmelden. Deshalb fragt die Box noch einmal, und dann fünf Minuten lang nicht mehr.',
    submit: 'Bestätigen',
    password: 'Ihr Passwort',
    passkey: 'Passkey benutzen',
  },
  account: {
    title: 'Ihr Konto',
    loggedInAs: (name) => `Sie sind als ${name} angemeldet.`,
    passwordTitle: 'Passwort',
    passwordIntro: 'Wenn Sie es ändern, werden Sie überall sonst abgemeldet.',
    passwordSubmit: 'Passwort ändern',
    passwordChanged: 'Das Passwort ist geändert.',
    passkeysTitle: 'Passkeys',
    passkeysIntro:
      'Hineinkommen mit Fingerabdruck, Gesicht oder der PIN eines Geräts, unter jedem Namen dieser Box.',
    passkeysNotHere:
      'Passkeys gehören zum richtigen Namen der Box. Öffnen Sie sie unter ihrem Hauptnamen, um einen anzulegen.',
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
