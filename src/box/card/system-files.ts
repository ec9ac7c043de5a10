import { pbkdf2Sync } from 'node:crypto';
import type { CardValues } from './card-settings.ts';

/** A line of authorized_keys (sshd(8)) without options: a kind, the key, and a comment. */
const publicKey =
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]{40,}={0,3}( \P{Cc}*)?$/u;

/** The keys that are ones, and what is wrong with the others. */
export function authorizedKeys(keys: readonly string[]): { text: string; faults: string[] } {
  const lines = keys.map((key) => key.trim());
  const faults = lines.flatMap((line, index) => {
    if (publicKey.test(line)) return [];
    const what = line.includes('PRIVATE KEY')
      ? 'a private key, which belongs to nobody else: remove it here and give the line of the file that ends in .pub'
      : 'no public key: give the one line of a file that ends in .pub, beginning with ssh-ed25519 or the like';
    return [`ssh.keys: number ${index + 1} is ${what}`];
  });
  const good = lines.filter((line) => publicKey.test(line));
  return { text: good.map((line) => `${line}\n`).join(''), faults };
}

const hex = (text: string): string => Buffer.from(text).toString('hex');

/** More no network has as its name (IEEE 802.11, 9.4.2.2). */
export const ssidMost = 32;

/**
 * wpa_supplicant.conf(5); `undefined`: there is no wireless network to join. Name and password go in hex, in which nothing
 * has a meaning: WPA3 (SAE) has the password itself, WPA2 the key made of it (IEEE 802.11, J.4). 64 hex digits are that key
 * itself, with which there is no WPA3.
 */
export function wifiConfig(values: CardValues): string | undefined {
  const ssid = values.get('wifi.ssid');
  const password = values.get('wifi.password');
  const country = values.get('wifi.country');
  if (typeof ssid !== 'string' || Buffer.byteLength(ssid) > ssidMost) return undefined;
  const security = securityOf(ssid, password);
  return `# Written by \`porchlight card apply\` from porchlight.toml on the card, at each start.
ctrl_interface=/run/wpa_supplicant
${typeof country === 'string' ? `country=${country}\n` : ''}network={
\tssid=${hex(ssid)}
\tscan_ssid=1
\t${security}
}
`;
}

function securityOf(ssid: string, password: unknown): string {
  if (typeof password !== 'string' || password === '') return 'key_mgmt=NONE';
  if (/^[0-9A-Fa-f]{64}$/.test(password))
    return `key_mgmt=WPA-PSK WPA-PSK-SHA256\n\tpsk=${password.toLowerCase()}\n\tieee80211w=1`;
  return `key_mgmt=SAE WPA-PSK WPA-PSK-SHA256
\tsae_password=${hex(password)}
\tpsk=${pbkdf2Sync(password, ssid, 4096, 32, 'sha1').toString('hex')}
\tieee80211w=1`;
}
