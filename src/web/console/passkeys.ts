import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/browser';
import { Problem } from '../../kit/runtime/errors.ts';
import type { PasskeyView } from '../../protocol/access-api.ts';
import type { Api } from '../shared/api.ts';

/** The library is loaded when somebody uses it: most visits do not. */
const library = async () => import('@simplewebauthn/browser');

/** Asks the browser for a new passkey and gives it to the box. The error `passkey-not-made` when the person did not want to. */
export async function addPasskey(api: Api, label: string): Promise<PasskeyView> {
  const optionsJSON = await api<PublicKeyCredentialCreationOptionsJSON>('/api/passkeys/options', {
    method: 'POST',
    body: {},
  });
  const { startRegistration } = await library();
  const response = await startRegistration({ optionsJSON }).catch((cause: unknown) => {
    throw new Problem('passkey-not-made', 'no passkey was made', { cause });
  });
  return api<PasskeyView>('/api/passkeys', { method: 'POST', body: { label, response } });
}

/** Signs in with a passkey that the browser has. */
export async function signInByPasskey(api: Api): Promise<void> {
  await assert(api, '/api/login/passkey');
}

/** That it is still this person, by a passkey of theirs. */
export async function proveByPasskey(api: Api): Promise<void> {
  await assert(api, '/api/proof/passkey');
}

/** The error `passkey-not-used` when the person did not want to. */
async function assert(api: Api, path: string): Promise<void> {
  const optionsJSON = await api<PublicKeyCredentialRequestOptionsJSON>(`${path}/options`, {
    method: 'POST',
    body: {},
  });
  const { startAuthentication } = await library();
  const response = await startAuthentication({ optionsJSON }).catch((cause: unknown) => {
    throw new Problem('passkey-not-used', 'no passkey was used', { cause });
  });
  await api(path, { method: 'POST', body: { response } });
}
