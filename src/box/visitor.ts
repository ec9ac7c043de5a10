import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { clientKey } from '../kit/http/client-key.ts';

/** Where somebody comes from, as far as the connection itself tells. */
export interface Visitor {
  through: 'home' | 'tunnel';
  /** Canonical text; the real one also behind the tunnel. `unknown` when the relay did not say. */
  address: string;
  /** Their address is on one of the box's own links, and they did not come through the tunnel. */
  atHome: boolean;
}

/** What strangers through the tunnel are told in the place of the box's name and id: who they are is not known, either. */
export const unnamed = { name: 'Porchlight', boxId: '' } as const;

/**
 * Who shares a limit with this address (`clientKey`): a host on the box's own links, a site on the internet, or all of whom the
 * relay says nothing.
 */
export function clientKeyOf(address: string, atHome = false): string {
  return clientKey(address, atHome ? 'link' : 'internet');
}

export type VisitorOf = (socket: Socket) => Visitor;

const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'Mac'],
  [/\bCrOS\b/, 'Chromebook'],
  [/\bLinux\b/, 'Linux'],
];

/** What a person calls the device in a list, from its User-Agent: *Firefox on Android*. Nothing is decided by it. */
export function deviceLabel(userAgent: string | undefined): string {
  const named = (names: typeof browsers): string | undefined =>
    names.find(([pattern]) => pattern.test(userAgent ?? ''))?.[1];
  const [browser, system] = [named(browsers), named(systems)];
  if (browser === undefined) return system ?? 'unknown device';
  return system === undefined ? browser : `${browser} on ${system}`;
}

export function deviceOf(request: FastifyRequest): string {
  return deviceLabel(request.headers['user-agent']);
}
