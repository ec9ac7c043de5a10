import { Value } from 'typebox/value';
import { Problem } from '../../../kit/runtime/errors.ts';
import { ConnectQuery } from '../../../protocol/access-api.ts';
import type { App, Apps } from '../../sessions/apps.ts';

/** What `/connect` was asked: by an app of the owner's list, well-formed, or with a fault that the app is told. */
export type ConnectRequest =
  | { app: App; query: ConnectQuery }
  | { app: App; error: 'invalid_request' | 'unsupported_response_type'; redirect: string };

/**
 * RFC 6749, 4.1.1 and 4.1.2.1. The app and where it wants the browser back are looked at before anything else: throws
 * `app-not-allowed`, which must never become a redirect.
 */
export function readConnectRequest(given: unknown, apps: Apps, issuer: string): ConnectRequest {
  const query = withoutEmpty(given as Readonly<Record<string, unknown>>);
  const { client_id: clientId, redirect_uri: redirectUri } = query;
  const app = apps.find(clientId, redirectUri);
  if (app === undefined) {
    const shown = typeof redirectUri === 'string' ? JSON.stringify(redirectUri.slice(0, 100)) : 'no address';
    const message = `the app that sent you here is not on this box’s list, or wants you back at an address (${shown}) that is not; an owner of the box can add it under “Apps”`;
    throw new Problem('app-not-allowed', message, { status: 403 });
  }
  if (Value.Check(ConnectQuery, query)) return { app, query };
  const otherType = typeof query['response_type'] === 'string' && query['response_type'] !== 'code';
  const error = otherType ? 'unsupported_response_type' : 'invalid_request';
  const state = query['state'];
  const redirect = redirectTo(String(redirectUri), {
    error,
    error_description: otherType ? 'response_type must be code' : faultOf(query),
    ...(typeof state === 'string' ? { state } : {}),
    iss: issuer,
  });
  return { app, error, redirect };
}

/** Parameters without a value count as left out (RFC 6749, 3.1). */
function withoutEmpty(query: Readonly<Record<string, unknown>>): Partial<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
}

/** `uri`, as it stands, with `parameters` behind what its query holds already (RFC 6749, 3.1.2); not those that are not there. */
export function redirectTo(uri: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((each): each is [string, string] => each[1] !== undefined);
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams(given).toString()}`;
}

/** In the characters that RFC 6749 allows there. */
function faultOf(query: unknown): string {
  const [fault] = Value.Errors(ConnectQuery, query);
  const where = fault?.instancePath.slice(1) ?? '';
  if (where !== '') return `${where} is malformed`;
  const given = Object.keys(query as object);
  const missing = ConnectQuery.required.filter((name) => !given.includes(name));
  return `missing: ${missing.join(', ')}`;
}
