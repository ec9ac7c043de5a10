import { join } from 'node:path';

/** Where the appliance has what the card's reader (root) touches. The image binds the files on data to their usual places. */
export interface CardPaths {
  /** The FAT partition, which every computer can read. */
  card: string;
  settings: string;
  note: string;
  problems: string;
  outcome: string;
  resetRequest: string;
  restoreRequest: string;
  restorePassphrase: string;

  /** On data. */
  boxToml: string;
  cloudCa: string;
  acmeCa: string;
  updateCa: string;
  eabHmacKey: string;
  authorizedKeys: string;
  wifi: string;
  localtime: string;
  /** Of a restored box: where it belongs. Written by the daemon, so believed only as far as it is checked. */
  restoredPlace: string;
  /** What the card asks the daemon for. */
  request: string;
  requestBackup: string;
  /** What is wrong on the card, for the daemon to say. */
  cardProblems: string;
  /** There when the box has run before. */
  identity: string;

  zoneinfo: string;
  /** What the daemon hands to root. */
  /** That there is something to copy. */
  daemonWaiting: string;
  daemonNote: string;
  daemonOutcome: string;
}

export function cardPaths(roots: { card: string; data: string; state: string; run: string }): CardPaths {
  const { card, data, state, run } = roots;
  return {
    card,
    settings: join(card, 'porchlight.toml'),
    note: join(card, 'porchlight.txt'),
    problems: join(card, 'porchlight-problems.txt'),
    outcome: join(card, 'porchlight-outcome.txt'),
    resetRequest: join(card, 'porchlight-reset.txt'),
    restoreRequest: join(card, 'porchlight-restore.backup'),
    restorePassphrase: join(card, 'porchlight-restore.txt'),
    boxToml: join(data, 'etc/porchlight/box.toml'),
    cloudCa: join(data, 'etc/porchlight/cloud-ca.pem'),
    acmeCa: join(data, 'etc/porchlight/acme-ca.pem'),
    updateCa: join(data, 'etc/porchlight/update-ca.pem'),
    eabHmacKey: join(data, 'etc/porchlight/eab-hmac-key'),
    authorizedKeys: join(data, 'etc/ssh/authorized_keys'),
    wifi: join(data, 'etc/wpa_supplicant/wpa_supplicant-wlan0.conf'),
    localtime: join(data, 'etc/localtime'),
    restoredPlace: join(state, 'zone/place.json'),
    request: join(data, 'card/request.json'),
    requestBackup: join(data, 'card/restore.backup'),
    cardProblems: join(data, 'card/problems.json'),
    identity: join(state, 'identity'),
    zoneinfo: '/usr/share/zoneinfo',
    daemonWaiting: join(run, 'note-waiting'),
    daemonNote: join(run, 'note'),
    daemonOutcome: join(run, 'outcome'),
  };
}
