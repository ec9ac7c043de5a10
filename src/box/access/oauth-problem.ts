import { Problem } from '../../kit/errors.ts';

type OAuthError = 'invalid_request' | 'invalid_client' | 'invalid_grant' | 'unsupported_grant_type';

/** An error of the token endpoint in both shapes: RFC 6749's (5.2) `error` and `error_description`, and ours. */
function oauthProblem(error: OAuthError, description: string): Problem {
  return new Problem(error.replaceAll('_', '-'), description, {
    status: 400,
    details: { error, error_description: description },
  });
}

export const invalidGrant = (why: string): Problem => oauthProblem('invalid_grant', why);
export const invalidClient = (why: string): Problem => oauthProblem('invalid_client', why);
export const invalidRequest = (why: string): Problem => oauthProblem('invalid_request', why);
export const unsupportedGrant = (why: string): Problem => oauthProblem('unsupported_grant_type', why);
