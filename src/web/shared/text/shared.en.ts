/** Text of both pages, and what every refusal means. */
export const en = {
  product: 'Porchlight',
  language: 'Language',
  skip: 'Skip to the content',
  cancel: 'Cancel',
  copy: 'Copy',
  copied: 'Copied',
  loading: 'One moment …',
  again: 'Try again',
  missing: 'Please fill this in.',
  show: 'Show',
  hide: 'Hide',
  /** After a refusal that says how long to wait. */
  waitSeconds: (seconds: number) =>
    seconds < 90
      ? `Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`
      : `Try again in ${Math.ceil(seconds / 60)} minutes.`,
  /** By code, of src/protocol/error-codes.ts; the last ones are the page's own. */
  problems: {
    'bad-request': 'The box did not understand this. Check what you typed.',
    'not-logged-in': 'You are not signed in any more. Sign in again.',
    'wrong-setup-code':
      'This is not the setup code of this box. It is in porchlight.txt on the memory card, or on the card in the package, and “porchlight status” prints it.',
    'wrong-name-or-password': 'The name or the password is not right.',
    'wrong-recovery-code': 'The name or the recovery code is not right, or the code has been used.',
    'invite-refused': 'This invitation is not known, has been used, or is too old. Ask for a new one.',
    'passkey-refused': 'The box did not accept this passkey.',
    'only-at-home': 'This is possible only from the home network of the box.',
    'cross-site-request': 'The page was open for too long. Load it again, then try once more.',
    'not-a-name-of-the-box':
      'This address is not one of the box’s own. Open the box by one of its own names.',
    'owner-only': 'Only owners of the box can do this.',
    'proof-needed': 'Confirm that it’s you first, then try again.',
    'second-factor-needed': 'The password is right. Your account also requires a code or a passkey.',
    'wrong-code':
      'This code is not right, or it has been used already. Type the next one that the app shows.',
    'no-passkey': 'You have no passkey yet. Add one first.',
    'last-second-factor':
      'This is your last passkey, and your account requires one besides the password. Switch that off first.',
    'passkey-known': 'The box already knows this passkey. Make a new one.',
    'passphrase-refused': 'This passphrase is too short. Use at least 10 characters.',
    'wrong-passphrase': 'The passphrase is not right, or the file is damaged.',
    'backup-malformed': 'This file is not a backup that this box can read. It may come from a newer box.',
    'backup-too-large': 'The box holds more than fits into a backup.',
    'app-not-allowed': 'This app is not on the list of apps that may ask for this box.',
    'not-found': 'This does not exist any more.',
    'not-claimed': 'This box has no owner yet.',
    'already-claimed': 'This box already has an owner. Sign in instead.',
    'name-taken': 'Somebody on this box already has this name. Choose another one.',
    'last-owner': 'A box needs an owner: make somebody else an owner first.',
    'body-too-large': 'This is too long.',
    'redirect-malformed':
      'This is not a return address. It starts with https://, with http://localhost for a program on a computer, or with an app’s own scheme that has a dot in it, and has neither # nor a wildcard.',
    'rate-limited': 'Too many attempts.',
    'storage-failed': 'The box could not save this: its disk does not work as it should.',
    'storage-read-only': 'The box could not save this: its disk takes no changes at the moment.',
    'not-ready': 'The box is starting. Try again in a moment.',
    'not-an-appliance': 'This box was installed by hand: update it the way it was installed.',
    'update-busy': 'An update is in progress. Wait until it is done.',
    'on-trial': 'The installed version is still on trial. Try again in a few minutes.',
    'downgrade-refused':
      'This bundle is older than the installed version. Allow that if it is what you want.',
    'no-update-server': 'This box has no update server.',
    'nothing-to-restart-into': 'No update is waiting for a restart.',
    'restart-not-possible': 'The box cannot restart itself here. Restart it by hand.',
    'no-such-release': 'There is nothing newer for this box.',
    'bundle-refused':
      'This bundle is not meant for this box: its signature, its kind or its content is not right.',
    'storage-full': 'The box could not save this: there is not enough space on its disk.',
    unexpected: 'Something went wrong on the box. Its logs say what.',
    unreachable: 'The box does not answer. Check that it has power and that you are online.',
    'passkey-not-made': 'No passkey was added. You can try again, or do it later.',
    'passkey-not-used': 'No passkey was used. You can try again, or sign in with your password.',
  },
  /** Above every page while the box can save nothing. */
  cannotSave: {
    title: 'The box cannot save changes right now',
    why: {
      'storage-full': 'Its disk is full.',
      'storage-read-only': 'Its disk takes no changes.',
      'storage-failed': 'Its disk does not work as it should.',
    },
    works:
      'Everything on it is still there: people who are signed in stay signed in, and the apps in your home go on working. Signing in and changing something has to wait.',
    toDo: {
      full: 'Free some space on its disk, or move to a larger card. The box goes on by itself, within a minute.',
      worn: 'Restart the box. If this comes back, its card is worn: download a backup and replace the card.',
    },
  },
  passwordRefusals: {
    'too-short': 'This password is too short: use at least 8 characters. A few words make a good one.',
    'too-long': 'This password is too long: use at most 256 characters.',
    repeated: 'This password is only one or two characters, repeated. Use another one.',
    common:
      'This is one of the passwords that everybody tries first. Use another one, a few words for example.',
    'own-name': 'This password is your name or the name of the box. Use another one.',
  },
};
