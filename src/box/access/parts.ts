import type { Fact } from '../../kit/fact.ts';
import type { ZoneNames } from '../../protocol/names.ts';
import type { Approvals } from './approvals.ts';
import type { Apps } from './apps.ts';
import type { Audit } from './audit.ts';
import type { Codes } from './codes.ts';
import type { Guard } from './guard.ts';
import type { Logins } from './logins.ts';
import type { Passkeys } from './passkeys.ts';
import type { OtherAccess } from './other-access.ts';
import type { People } from './people.ts';
import type { RecentProof } from './recent-proof.ts';
import type { SecondFactors } from './second-factors.ts';
import type { Sessions } from './sessions.ts';
import type { Tokens } from './tokens.ts';

/** What the routes are built on; each takes of it what it uses. */
export interface Parts {
  boxId: string;
  names: ZoneNames;
  boxName: Fact<string>;
  guard: Guard;
  logins: Logins;
  people: People;
  sessions: Sessions;
  tokens: Tokens;
  codes: Codes;
  apps: Apps;
  passkeys: Passkeys;
  recentProof: RecentProof;
  secondFactors: SecondFactors;
  otherAccess: OtherAccess;
  approvals: Approvals;
  audit: Audit;
}
