import { Problem } from '../../kit/runtime/errors.ts';

/** RFC 6749, 5.2, and for what is this side's fault the word of 4.1.2.1. */
type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'server_error';

/** An error of the token endpoint in both shapes: RFC 6749's (5.2) `error` and `error_description`, and ours. */
function oauthProblem(error: OAuthError, description: string): Problem {
  return new Problem(error.replaceAll('_', '-'), description, {
    status: 400,
    details: said(error, description),
  });
}

/** In the characters that 5.2 allows there. */
function said(error: OAuthError, description: string): Record<string, string> {
  const plain = description.replaceAll(/[“”"]/g, "'").replaceAll('\\', '/');
  return { error, error_description: plain.replaceAll(/[^ -~]/g, "'") };
}

/** Any other problem of the token endpoint, so that a client which knows RFC 6749 alone can tell what is wrong. */
export function asOAuthProblem(problem: Problem): Problem {
  if (typeof problem.details['error'] === 'string') return problem;
  const { code, message, status, details, retryable, retryAfterSeconds } = problem;
  return new Problem(code, message, {
    status,
    retryable,
    cause: problem,
    details: { ...details, ...said(status >= 500 ? 'server_error' : 'invalid_request', message) },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

export const invalidGrant = (why: string): Problem => oauthProblem('invalid_grant', why);
export const invalidClient = (why: string): Problem => oauthProblem('invalid_client', why);
export const invalidRequest = (why: string): Problem => oauthProblem('invalid_request', why);
export const unsupportedGrant = (why: string): Problem => oauthProblem('unsupported_grant_type', why);
