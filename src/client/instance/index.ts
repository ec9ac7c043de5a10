/** The SDK for app instances: apart from the rest, because it brings encryption with it. For browsers and Node. */
export { AppInstance, type AppInstanceOptions } from './app-instance.ts';
export { browserStoreKey } from './browser-store-key.ts';
export { FirebaseMailbox } from './firebase-mailbox.ts';
export { PorchlightMailbox } from './porchlight-mailbox.ts';
export { sealedStore, storeKeyFrom } from './sealed-store.ts';
