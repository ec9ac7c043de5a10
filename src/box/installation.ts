import { readFile } from 'node:fs/promises';
import { messageOf, Problem } from '../kit/runtime/errors.ts';
import type { BoxConfig } from './config.ts';

/** Where the appliance keeps its settings. */
export const boxConfigFile = '/etc/porchlight/box.toml';

/** The account made elsewhere that a configuration names (RFC 8555, 7.3.4). Throws `bad-config` for half of one. */
export async function externalAccountOf({
  acme: { eabKid: kid, eabHmacKeyFile: file },
}: BoxConfig): Promise<{ kid: string; hmacKey: string } | undefined> {
  if (kid === '' && file === '') return undefined;
  const hmacKey = file === '' ? '' : (await pem(file, 'acme.eab-hmac-key-file')).replaceAll(/[\s=]/g, '');
  if (kid === '' || !/^[A-Za-z0-9_+/-]+$/.test(hmacKey)) {
    const message =
      'acme.eab-kid and acme.eab-hmac-key-file belong together, and the file holds the key in base64url alone';
    throw new Problem('bad-config', message, { retryable: false });
  }
  return { kid, hmacKey };
}

/** The private CAs that a configuration names, PEM. */
export async function trustOf(
  config: BoxConfig,
): Promise<{ cloud?: string; acme?: string; update?: string }> {
  const { cloud, acme, update } = config;
  return {
    ...(cloud.caFile === '' ? {} : { cloud: await pem(cloud.caFile, 'cloud.ca-file') }),
    ...(acme.caFile === '' ? {} : { acme: await pem(acme.caFile, 'acme.ca-file') }),
    ...(update.caFile === '' ? {} : { update: await pem(update.caFile, 'update.ca-file') }),
  };
}

async function pem(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Problem('bad-config', `${setting} cannot be read: ${messageOf(error)}`, {
      retryable: false,
      cause: error,
    });
  }
}
