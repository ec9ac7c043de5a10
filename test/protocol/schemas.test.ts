import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/protocol/error-codes.ts';
import {
  Announcement,
  PingEntry,
  RegisterRequest,
  registrationLimits,
  RegisterResponse,
} from '../../src/protocol/registration-api.ts';
import { protocolVersion } from '../../src/protocol/version.ts';
import {
  CaaRequest,
  ChallengeRequest,
  TunnelGrant,
  ZoneRecords,
  ZoneState,
} from '../../src/protocol/zone-api.ts';

const boxId = `${'a'.repeat(51)}q`;
const value = 'A-_9'.padEnd(43, 'x');
const records = { main: ['192.168.1.20', 'fd00::1'], mirrors: { a: ['192.168.1.20'], b: [] }, tunnel: [] };
const origin = `https://${boxId}.box.example.org`;
const announcement = {
  v: protocolVersion,
  name: 'Küche',
  claimed: false,
  local_origin: `${origin}:8443`,
  mirror_origins: [`https://a.${boxId}.box.example.org`],
  tunnel_origin: null,
};
const letters = (count: number): Record<string, string[]> =>
  Object.fromEntries(
    'abcdefghijklmnop'
      .slice(0, count)
      .split('')
      .map((letter) => [letter, []]),
  );

/** One value that is good, and changes of it (good or bad) with a name each. */
interface Table {
  schema: TSchema;
  good: Record<string, unknown>;
  alsoGood?: Record<string, object>;
  bad: Record<string, unknown>;
}

const tables: Record<string, Table> = {
  ZoneRecords: {
    schema: ZoneRecords,
    good: records,
    alsoGood: { 'nothing at all': { main: [], mirrors: {} }, 'eight mirrors': { mirrors: letters(8) } },
    bad: {
      'no tunnel': { tunnel: undefined },
      'an address that is no text': { main: [1] },
      'five addresses': { main: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'] },
      'an address that is far too long': { main: ['1'.repeat(46)] },
      'a list in a list': { main: [['10.0.0.1']] },
      'a mirror of two letters': { mirrors: { ab: [] } },
      'a mirror that is the tunnel': { mirrors: { remote: [] } },
      'a mirror in upper case': { mirrors: { A: [] } },
      'a mirror with a line end': { mirrors: { 'a\n': [] } },
      'a mirror beside a good one': { mirrors: { a: [], '*': [] } },
      'nine mirrors': { mirrors: letters(9) },
      'an unknown field': { other: [] },
      'a mirror without a list': { mirrors: { a: '10.0.0.1' } },
    },
  },
  ChallengeRequest: {
    schema: ChallengeRequest,
    good: { value },
    bad: {
      '42 characters': { value: value.slice(1) },
      '44 characters': { value: `${value}x` },
      padding: { value: `${value.slice(1)}=` },
      'base64 of the other kind': { value: `+${value.slice(1)}` },
      'a line end': { value: `${value}\n` },
      'a list': { value: [value] },
      'an unknown field': { ttl: 1 },
    },
  },
  CaaRequest: {
    schema: CaaRequest,
    good: { accountUri: 'https://acme.example/acct/1' },
    alsoGood: { none: { accountUri: null }, 'a test CA': { accountUri: 'http://localhost:14000/a' } },
    bad: {
      absence: { accountUri: undefined },
      'another scheme': { accountUri: 'javascript:alert(1)' },
      'a space': { accountUri: 'https://acme.example/ acct' },
      'no ASCII': { accountUri: 'https://acme.example/ä' },
      'far too long': { accountUri: `https://${'a'.repeat(200)}` },
    },
  },
  RegisterRequest: {
    schema: RegisterRequest,
    good: { client: boxId, message: JSON.stringify(announcement) },
    alsoGood: { 'fields of clients of 2016': { public_ip: '1.2.3.4', tunnel_configured: true } },
    bad: {
      'another kind of id': { client: 'a'.repeat(40) },
      'an id in upper case': { client: boxId.toUpperCase() },
      'a message that is too long': { message: 'x'.repeat(registrationLimits.messageBytes + 1) },
      'a message that is no text': { message: announcement },
    },
  },
  Announcement: {
    schema: Announcement,
    good: announcement,
    alsoGood: {
      everything: {
        tunnel_origin: origin,
        rebinding_filter: true,
        mdns_host: 'porchlight-abc.local',
        discoverable: true,
      },
      'fields of a later version': { later: 1 },
    },
    bad: {
      'no name': { name: '' },
      'a name that is too long': { name: 'x'.repeat(64) },
      'an origin without TLS': { local_origin: origin.replace('https', 'http') },
      'an origin with a path': { local_origin: `${origin}/` },
      'an origin with a user': { local_origin: `https://user@${boxId}.box.example.org` },
      'an origin with a port of no number': { local_origin: `${origin}:x` },
      'an origin in upper case': { local_origin: origin.toUpperCase() },
      'too many mirrors': { mirror_origins: Array.from({ length: 9 }, () => origin) },
      'a script as the host of mDNS': { mdns_host: '<script>.local' },
      'claimed as text': { claimed: 'yes' },
    },
  },
  ZoneState: {
    schema: ZoneState,
    good: {
      boxId,
      zone: `${boxId}.box.example.org`,
      serial: 4_294_967_295,
      records,
      challenges: [value],
      nameServers: ['ns1.example.org:53'],
      tunnelAddresses: ['198.51.100.7'],
    },
    bad: {
      'a serial of more than 32 bits': { serial: 4_294_967_296 },
      'a serial below zero': { serial: -1 },
      'a broken challenge': { challenges: ['x'] },
    },
  },
  TunnelGrant: {
    schema: TunnelGrant,
    good: {
      frontends: [{ address: 'front.example.org:443' }],
      addresses: ['198.51.100.7'],
      publicPort: 443,
      kiteName: `${boxId}.box.example.org`,
      secret: 's'.repeat(32),
      renewBefore: 1,
    },
    bad: {
      'a short secret': { secret: 's' },
      'port 0': { publicPort: 0 },
      'port 65536': { publicPort: 65_536 },
    },
  },
  RegisterResponse: {
    schema: RegisterResponse,
    good: { again_in: 60, public_ip: '198.51.100.7', short_code: 'abc' },
    bad: { 'a time below zero': { again_in: -1 }, 'a time without end': { again_in: 1e9 } },
  },
  PingEntry: {
    schema: PingEntry,
    good: { public_ip: '198.51.100.7', client: boxId, message: '{}', timestamp: 1 },
    bad: { 'a time in parts of seconds': { timestamp: 1.5 } },
  },
};

describe.each(Object.entries(tables))('%s', (_name, { schema, good, alsoGood = {}, bad }) => {
  /** Names of the changes with which the schema takes the value. */
  const taken = (changes: Record<string, unknown>): string[] =>
    Object.keys(changes).filter((what) => Value.Check(schema, { ...good, ...(changes[what] as object) }));

  it('takes what is good', () => {
    expect([...Value.Errors(schema, good)]).toEqual([]);
    expect(taken(alsoGood)).toEqual(Object.keys(alsoGood));
  });

  it('refuses what is not', () => {
    expect(taken(bad)).toEqual([]);
    for (const nothing of [null, undefined, [], 'text', 1, {}])
      expect(Value.Check(schema, nothing)).toBe(false);
  });
});

it('gives every error code a status of an error', () => {
  for (const [code, status] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[a-z]+(-[a-z0-9]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  }
});
