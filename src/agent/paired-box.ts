import type { AgentView, SessionSignInAnswer, SessionSignInRequest } from '../protocol/agent-api.ts';
import type { BoxId } from '../protocol/constants.ts';

/** A box that let this agent in. Whoever keeps the session at it (the SDK) is behind this. */
export interface PairedBox {
  readonly id: BoxId;
  readonly name: string;
  /** What the box told its agent last; `undefined` before it ever did. */
  readonly view: AgentView | undefined;
  /** Makes a session for a page, below the agent's own. Throws what the box answers, and `unreachable`. */
  signIn(request: SessionSignInRequest, signal: AbortSignal): Promise<SessionSignInAnswer>;
  /** Asks for `view` again, but not too often. Never throws. */
  refresh(): Promise<void>;
}

/** The boxes that have a session for this agent now, the one paired first in front. */
export interface PairedBoxes {
  all(): readonly PairedBox[];
}
