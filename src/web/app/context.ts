import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { connect, type RememberedBoxes, type Store } from '../../client/index.ts';
import { accessPaths } from '../../protocol/constants.ts';
import {
  type PendingNavigation,
  type Destination,
  originOf,
  type Route,
  savePending,
} from './pending-navigation.ts';
import type { Cloud } from './place.ts';

/** What every view of the app works with. */
export interface App {
  cloud: Cloud;
  store: Store;
  boxes: RememberedBoxes;
  /** As which app boxes let us in, and where they send the window back to. */
  clientId: string;
  redirectUri: string;
  /** The page came from the internet; see place.ts. */
  publicPage: boolean;
  /** Shows that the window is on its way to a box. */
  onDepart: (pending: PendingNavigation) => void;
}

const Context = createContext<App | undefined>(undefined);
export const AppProvider = Context.Provider;

export function useApp(): App {
  const app = useContext(Context);
  if (app === undefined) throw new Error('there is no app around this component');
  return app;
}

/** Sends the top window to the box: nothing else of this page touches the home network before the person has agreed. */
export async function depart(app: App, box: Destination, route: Route): Promise<void> {
  const { clientId, redirectUri, store } = app;
  const { url, state } = await connect({ box, origin: originOf(box, route), clientId, redirectUri, store });
  const pending = { box, route, state, at: Date.now() };
  savePending(pending);
  app.onDepart(pending);
  location.assign(url);
}

const agreedKey = 'home-network-agreed';

/** `ask`: the person has not agreed yet. `refused`: the person has, but the browser was told no. */
export type HomeAccess = 'yes' | 'ask' | 'refused';

/**
 * Whether this page may talk to the home network: when it comes from there itself, or once the person has agreed, to us and
 * to the browser. The browser's word holds for the whole app, and so does ours.
 */
export async function homeAccess(app: App): Promise<HomeAccess> {
  if (!app.publicPage) return 'yes';
  if ((await app.store.load(agreedKey)) !== 'yes') return 'ask';
  return (await browserRefuses()) ? 'refused' : 'yes';
}

/** Browsers that know no such permission refuse nothing. It is also the one for programs on this computer. */
export async function browserRefuses(): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name: 'local-network-access' as PermissionName });
    return state === 'denied';
  } catch {
    return false;
  }
}

export async function agreeToHome(app: App): Promise<void> {
  await app.store.save(agreedKey, 'yes');
}

/** The browser asks the person once such a request is made; it waits for the answer, which may take a while. */
export async function askBrowserForHome(main: string): Promise<void> {
  const init: RequestInit = { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(45_000) };
  await fetch(main + accessPaths.ping, init).catch(() => undefined);
}

const lastKey = 'last-box';

/** The box that the app opens with. */
export async function lastBox(app: App): Promise<string | undefined> {
  return app.store.load(lastKey);
}

/** Nothing of the box stays in this browser. */
export async function forgetBox(app: App, id: string): Promise<void> {
  await app.boxes.forget(id);
  if ((await lastBox(app)) === id) await app.store.remove(lastKey);
}

export async function setLastBox(app: App, id: string): Promise<void> {
  await app.store.save(lastKey, id);
}
