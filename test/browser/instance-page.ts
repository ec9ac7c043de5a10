/** What the page of an app would be made of; bundled by app-instance.test.ts. */
export {
  AppInstance,
  browserStoreKey,
  PorchlightMailbox,
  sealedStore,
} from '../../src/client/instance/index.ts';
export { webStore } from '../../src/client/store.ts';
