/** The SDK: find boxes, be let in, and talk to a box by whichever way is open. For browsers and Node. */
export { Problem } from '../kit/runtime/errors.ts';
export { type AgentSignInOptions, signInWithAgent } from './agent.ts';
export { type ArrivalOptions, hasArrived } from './arrival.ts';
export {
  BoxConnection,
  type BoxConnectionOptions,
  type BoxRequestInit,
  type ConnectionState,
} from './box-connection.ts';
export { chooseUrl, chosenBox } from './choose.ts';
export { connect, type ConnectRequest, finish, type FinishOptions, isReturn } from './connect.ts';
export { discover, type DiscoverOptions, type Discovery, type FoundBox } from './discover.ts';
export { PairingClient, type PairingClientOptions, type PairingState } from './pairing-client.ts';
export { type RememberedBox, RememberedBoxes } from './remembered.ts';
export type { Runtime } from './runtime.ts';
export { memoryStore, type Store, webStore } from './store.ts';
