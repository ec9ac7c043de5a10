/** Of the console: how a person comes in, and that it is still they. */
export const en = {
  proof: {
    title: 'Confirm that it’s you',
    intro:
      'This stays in force after you sign out, so the box asks once more. It then asks no more for five minutes.',
    submit: 'Confirm',
    password: 'Your password',
    passkey: 'Use a passkey',
  },
  account: {
    title: 'Your account',
    loggedInAs: (name: string) => `You are logged in as ${name}.`,
    passwordTitle: 'Password',
    passwordIntro: 'When you change it, you are logged out everywhere else.',
    passwordSubmit: 'Change the password',
    passwordChanged: 'The password is changed.',
    passkeysTitle: 'Passkeys',
    passkeysIntro: 'Come in with a fingerprint, a face or the PIN of a device, under every name of this box.',
    passkeysNotHere: 'Passkeys belong to the real name of the box. Open it under its main name to add one.',
    noPasskeys: 'You have no passkey yet.',
    added: (when: string) => `added ${when}`,
    used: (when: string) => `last used ${when}`,
    passkeyName: 'Name of the new passkey',
    passkeyNameHint: 'So that you know it again, for example “My phone”.',
    passkeyAdd: 'Add a passkey',
    passkeyAdded: 'The passkey is added.',
    remove: 'Remove',
    removeName: (name: string) => `Remove ${name}`,
    removeTitle: (name: string) => `Remove the passkey “${name}”?`,
    removeText: 'You can no longer log in with it.',
    thisDevice: 'This device',
  },
};
