import { days, seconds } from '../../kit/runtime/clock.ts';
import type { DatedTables } from '../../kit/trusted-time/redate.ts';
import { accessLimits } from '../../protocol/access-api.ts';

/** How long an access token and an invitation are good for, and how long a code. */
export const accessMs = seconds(accessLimits.accessTokenSeconds);
export const inviteMs = days(2);
export const codeMs = seconds(accessLimits.codeSeconds);

/** A session's end moves with what made it what it is: its last use, or its beginning. */
const capped = 'idle_ms IS NULL OR expires_at = ends_at';
const endsAtThen =
  'coalesce(CASE WHEN created_at BETWEEN :since AND :until THEN ends_at + :step ELSE ends_at END, expires_at + :step)';

/**
 * Everything in the store that has a date: the one list of what expires here. What was made while the clock was in doubt is
 * dated again by it; a test compares it with the store, so that a new date is not forgotten.
 */
export const datedColumns: DatedTables = {
  person: [
    { column: 'created_at' },
    { column: 'invite_expires_at', made: `invite_expires_at - ${inviteMs}` },
  ],
  passkey: [{ column: 'created_at' }, { column: 'last_used_at' }],
  session: [
    { column: 'created_at' },
    { column: 'last_seen_at' },
    { column: 'ends_at', made: 'created_at' },
    {
      column: 'expires_at',
      made: `CASE WHEN ${capped} THEN created_at ELSE expires_at - idle_ms END`,
      most: endsAtThen,
    },
  ],
  token: [
    { column: 'used_at' },
    { column: 'expires_at', made: `coalesce(used_at, expires_at - ${accessMs})` },
  ],
  code: [{ column: 'used_at' }, { column: 'expires_at', made: `expires_at - ${codeMs}` }],
  approval: [{ column: 'decided_at' }],
  audit: [{ column: 'at' }],
  // The certificate says itself how long it is good for.
  device_certificate: [
    { column: 'issued_at' },
    { column: 'revoked_at' },
    { column: 'expires_at', made: null },
  ],
  totp: [{ column: 'created_at' }],
};
