import { Value } from 'typebox/value';
import { Problem } from '../../kit/runtime/errors.ts';
import { type BoxId, zoneName } from '../../protocol/names.ts';
import { Announcement, registrationLimits } from '../../protocol/registration-api.ts';

/**
 * The announcement inside `message`, checked: JSON of the agreed shape whose origins all lie in the announcing box's own
 * zone, so that no box can send the browsers of its home anywhere else. Throws `message-malformed`, `origin-outside-zone`.
 */
export function announcementOf(message: string, boxId: BoxId, zoneRoot: string): Announcement {
  const bytes = Buffer.byteLength(message);
  if (bytes > registrationLimits.messageBytes) {
    throw malformed(`it has ${bytes} bytes, ${registrationLimits.messageBytes} are allowed`);
  }
  // What is not Unicode would come out of the store as something else.
  if (!message.isWellFormed()) throw malformed('it is not well-formed Unicode');
  const announcement = parsed(message);
  if (!Value.Check(Announcement, announcement)) {
    const [first] = Value.Errors(Announcement, announcement);
    throw malformed(`${first?.instancePath || 'it'} ${first?.message ?? 'is not what was agreed'}`);
  }
  const zone = zoneName(boxId, zoneRoot);
  const origins = [announcement.local_origin, ...announcement.mirror_origins, announcement.tunnel_origin];
  for (const origin of origins) {
    if (origin !== null && !isWithin(origin, zone)) {
      throw new Problem(
        'origin-outside-zone',
        `${origin} is not in the zone of the box, ${zone}; announce names of that zone only`,
        {
          status: 422,
          retryable: false,
          details: { value: origin, zone },
        },
      );
    }
  }
  return announcement;
}

/** Letters, digits and hyphens, as hosts are named (RFC 1123, 2.1): no empty label, no label that ends in a hyphen. */
const hostPattern = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

function isWithin(origin: string, zone: string): boolean {
  const [, host = '', port = '443'] = /^https:\/\/([^:/]+)(?::(\d+))?$/.exec(origin) ?? [];
  return hostPattern.test(host) && (host === zone || host.endsWith(`.${zone}`)) && Number(port) <= 65_535;
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    throw malformed('it is not JSON');
  }
}

function malformed(why: string): Problem {
  return new Problem('message-malformed', `message cannot be accepted: ${why}`, {
    status: 422,
    retryable: false,
    details: { field: 'message' },
  });
}
