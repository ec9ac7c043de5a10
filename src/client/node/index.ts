/** The SDK's part for Node alone: boxes found and trusted with no cloud at all, and what programs hand in. */
export { findBoxes, type LocalBox } from './find.ts';
export { folderStore } from './folder-store.ts';
export { nodeRuntime } from './node-runtime.ts';
export { PinnedBox, type PinnedTarget } from './pinned-fetch.ts';
export { openPinnedPairing, type PinnedPairingOptions } from './pinned-pairing.ts';
export { type Pin, Pins } from './pins.ts';
