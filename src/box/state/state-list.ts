import type { StateFile } from '../../kit/store/state-file.ts';

const identity = { refused: ['identity-damaged'] };
const store = {
  refused: ['store-damaged', 'store-missing', 'store-too-new', 'storage-failed'],
  limit: 'a bit that flips in the text of a row is not seen: the pages of a store have no checksum',
};
const log = {
  ...store,
  limit: 'a log that is missing, or ends early, looks as after a power cut: its last changes are gone',
};
const marker = { remade: 'written again at the next start' };

/**
 * Every file that a box keeps below its state folder. A file that is not here fails a test, and so does an entry that never
 * appears (test/soak); what damage of each means is tried out by `npm run soak`.
 */
export const boxStateFiles: readonly StateFile[] = [
  {
    path: 'identity/certificate.pem',
    what: 'the box’s identity: its hash is the box’s name',
    written: 'replaced',
    damage: identity,
  },
  { path: 'identity/key.pem', what: 'the key of the identity', written: 'replaced', damage: identity },
  {
    path: 'known/identity',
    what: 'that there is an identity, and which',
    written: 'replaced',
    damage: { ...identity, ...marker },
  },
  { path: 'known/access', what: 'that there is a store of people', written: 'replaced', damage: marker },
  { path: 'known/owner', what: 'that there was an owner', written: 'replaced', damage: marker },
  {
    path: 'known/vault',
    what: 'that there is a key of secrets, and which',
    written: 'replaced',
    damage: { refused: ['vault-damaged'], ...marker },
  },
  { path: 'known/settings', what: 'that owners made settings', written: 'replaced', damage: marker },
  {
    path: 'access/access.sqlite',
    what: 'people, sessions, apps, devices, approvals, the audit log',
    written: 'store',
    damage: store,
  },
  {
    path: 'access/access.sqlite-wal',
    what: 'its last changes, until they are in the store',
    written: 'store',
    damage: log,
  },
  {
    path: 'access/access.sqlite-shm',
    what: 'the index of these',
    written: 'store',
    damage: { remade: 'made from the changes' },
  },
  {
    path: 'access/vault.key',
    what: 'the key of secrets that the box must be able to read: app instances, authenticator apps',
    written: 'replaced',
    damage: { refused: ['vault-damaged', 'store-missing'] },
  },
  {
    path: 'access/setup-code',
    what: 'the setup code, until there is an owner',
    written: 'replaced',
    damage: { remade: 'another code is made, and shown in its place' },
  },
  {
    path: 'access/enrolment/device-ca.pem',
    what: 'the CA of devices',
    written: 'replaced',
    damage: { refused: ['device-ca-damaged'], told: 'enrolment' },
  },
  {
    path: 'access/notes.json',
    what: 'the event that a restore or reset left for the audit log',
    written: 'replaced',
    damage: { remade: 'the event is left out' },
  },
  {
    path: 'settings/settings.json',
    what: 'what owners set: name, discovery, tunnel',
    written: 'replaced',
    damage: {
      told: 'settings',
      remade: 'nobody finds the box and its tunnel is closed until they are saved again',
    },
  },
  {
    path: 'update/settings.json',
    what: 'when updates are installed',
    written: 'replaced',
    damage: { remade: 'updates are paused, and the console says so' },
  },
  {
    path: 'certificate/accounts.json',
    what: 'the account at the CA',
    written: 'replaced',
    damage: { remade: 'another account is made at the next order, and pinned' },
  },
  {
    path: 'certificate/order.json',
    what: 'the order under way',
    written: 'replaced',
    damage: { remade: 'another order is made' },
  },
  {
    path: 'certificate/renewal.json',
    what: 'when the CA wants the certificate renewed',
    written: 'replaced',
    damage: { remade: 'asked again' },
  },
  {
    path: 'certificate/current',
    what: 'which certificate is in use',
    written: 'replaced',
    damage: { told: 'certificate', remade: 'another certificate is ordered' },
  },
  {
    path: 'certificate/pairs/*/chain.pem',
    what: 'a certificate',
    written: 'replaced',
    damage: { told: 'certificate', remade: 'another certificate is ordered' },
  },
  {
    path: 'certificate/pairs/*/key.pem',
    what: 'its key',
    written: 'replaced',
    damage: { told: 'certificate', remade: 'another certificate is ordered' },
  },
  {
    path: 'zone/mirrors.json',
    what: 'whose turn it is among the mirrors',
    written: 'replaced',
    damage: { remade: 'their order begins again' },
  },
  {
    path: 'zone/place.json',
    what: 'where a restored box belongs, for the card’s reader',
    written: 'replaced',
    damage: { remade: 'the configuration alone counts' },
  },
  {
    path: 'zone/restored',
    what: 'that a backup was just restored, for one start',
    written: 'replaced',
    damage: { remade: 'the configuration is not made again' },
  },
  {
    path: '.update/ran',
    what: 'the version that ran last',
    written: 'replaced',
    damage: { remade: 'the next start counts as the first of its version' },
  },
  {
    path: '.update/record.json',
    what: 'what became of updates',
    written: 'replaced',
    damage: { remade: 'a release that was rolled back may be tried again' },
  },
  {
    path: '.update/*.raucb',
    what: 'a release, until it is installed',
    written: 'replaced',
    damage: { remade: 'it is fetched again: its signature and hash are checked' },
  },
  {
    path: '.update/before/**',
    what: 'the state as it was before the release on trial',
    written: 'replaced',
    damage: { remade: 'a release that is rolled back finds the state of now' },
  },
  {
    path: '.pending/**',
    what: 'a restore or reset that the next start carries out',
    written: 'replaced',
    damage: { refused: ['storage-failed'] },
  },
  {
    path: '.card-request',
    what: 'what became of what the card asked for',
    written: 'replaced',
    damage: { remade: 'what the card asks for is carried out once more' },
  },
  {
    path: 'tunnel/*',
    what: 'options of the tunnel’s client',
    written: 'process',
    damage: { remade: 'at each start' },
  },
  {
    path: 'clock.json',
    what: 'the last time that was known',
    written: 'replaced',
    damage: { remade: 'the state’s own age has to do' },
  },
  {
    path: 'run.json',
    what: 'which start of the box this is, for the next one to say whom it follows',
    written: 'replaced',
    damage: { remade: 'a restart takes seconds longer to be connected' },
  },
  { path: '.lock', what: 'the lock of the folder', written: 'process', damage: { remade: 'at each start' } },
  {
    path: 'control.sock',
    what: 'where commands ask',
    written: 'process',
    damage: { remade: 'at each start' },
  },
];
