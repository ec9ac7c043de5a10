import type { BoxEvent, Endpoints } from '../protocol/access-api.ts';

/** What came over the socket, if it is an event as agreed; what is not known here is for later versions. */
export function boxEvent(data: unknown): BoxEvent | undefined {
  const event = parsed(data) as Record<string, unknown> | null | undefined;
  switch (event?.['type']) {
    case 'session-ended':
    case 'state':
      return { type: event['type'] };
    case 'token': {
      const { accessToken, expiresIn } = event;
      if (typeof accessToken !== 'string' || typeof expiresIn !== 'number' || !(expiresIn > 0))
        return undefined;
      return { type: 'token', accessToken, expiresIn };
    }
    case 'ways':
      // Checked by the one who knows the zone.
      return { type: 'ways', ways: event['ways'] as Endpoints };
    default:
      return undefined;
  }
}

export function parsed(data: unknown): unknown {
  if (typeof data !== 'string' || data.length > 65_536) return undefined;
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
