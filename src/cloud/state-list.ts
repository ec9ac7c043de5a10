import type { StateFile } from '../kit/store/state-file.ts';

const store = {
  refused: ['store-damaged', 'store-missing', 'store-too-new', 'storage-failed'],
  limit: 'a bit that flips in the text of a row is not seen: the pages of a store have no checksum',
};
const log = {
  ...store,
  limit: 'a log that is missing, or ends early, looks as after a power cut: its last changes are gone',
};
const marker = { remade: 'written again at the next start' };
const index = { remade: 'made from the changes' };
const lock = {
  what: 'the lock of the folder',
  written: 'process',
  damage: { remade: 'at each start' },
} as const;

/** Every file that the parts of a cloud keep below its state folder; as `boxStateFiles`. */
export const cloudStateFiles: readonly StateFile[] = [
  {
    path: 'tunnel-master-key',
    what: 'the key from which tunnel secrets are derived, where settings name no other',
    written: 'replaced',
    damage: { refused: ['bad-master-key', 'store-missing'] },
  },
  {
    path: 'known/tunnel-master-key',
    what: 'that there is one, and which',
    written: 'replaced',
    damage: { refused: ['bad-master-key'], ...marker },
  },
  { path: 'dns-server/zones.sqlite', what: 'the zones of all boxes', written: 'store', damage: store },
  { path: 'dns-server/zones.sqlite-wal', what: 'their last changes', written: 'store', damage: log },
  { path: 'dns-server/zones.sqlite-shm', what: 'the index of these', written: 'store', damage: index },
  { path: 'dns-server/known/zones', what: 'that there are zones', written: 'replaced', damage: marker },
  {
    path: '*/clock.json',
    what: 'the last time that a part knew',
    written: 'replaced',
    damage: { remade: 'the state’s own age has to do' },
  },
  { path: 'dns-server/.lock', ...lock },
  {
    path: 'registration-server/registration.sqlite',
    what: 'what boxes announce',
    written: 'store',
    damage: store,
  },
  {
    path: 'registration-server/registration.sqlite-wal',
    what: 'their last changes',
    written: 'store',
    damage: log,
  },
  {
    path: 'registration-server/registration.sqlite-shm',
    what: 'the index of these',
    written: 'store',
    damage: index,
  },
  {
    path: 'registration-server/known/registration',
    what: 'that there are announcements',
    written: 'replaced',
    damage: marker,
  },
  { path: 'registration-server/.lock', ...lock },
];
