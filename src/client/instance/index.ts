/** The SDK for app instances: apart from the rest, because it brings encryption with it. For browsers and Node. */
export { AppInstance, type AppInstanceOptions, type InstanceRequestInit } from './app-instance.ts';
export { browserStoreKey } from './browser-store-key.ts';
export { FirebaseMailbox, type FirebaseMailboxOptions } from './firebase-mailbox.ts';
export type { InstanceMailbox } from './mailbox.ts';
export { PorchlightMailbox, type PorchlightMailboxOptions } from './porchlight-mailbox.ts';
export { sealedStore, type StoreKey, storeKeyFrom } from './sealed-store.ts';
export { type RequestToSign, signedFields } from './signed-request.ts';
