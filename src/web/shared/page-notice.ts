import type { ComponentChildren } from 'preact';
import { createContext } from 'preact';

/** What a page of one thing to do says above that thing, whichever page it is; set around all of them. */
export const PageNotice = createContext<ComponentChildren>(undefined);
