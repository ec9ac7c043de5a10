import type { Fact } from '../../kit/runtime/fact.ts';
import { accessLimits, type TokenResponse, type Endpoints } from '../../protocol/access-api.ts';
import type { TokenPair } from '../sessions/tokens.ts';

export interface TokenResponseOptions {
  boxId: string;
  boxName: Fact<string>;
  ways: Fact<Endpoints>;
}

/** What whoever is let in is told with its tokens (RFC 6749, 5.1). */
export function tokenResponse(
  { accessToken, refreshToken }: TokenPair,
  { boxId, boxName, ways }: TokenResponseOptions,
): TokenResponse {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: accessLimits.accessTokenSeconds,
    refresh_token: refreshToken,
    box_id: boxId,
    box_name: boxName.value,
    ways: ways.value,
  };
}
