import { Problem } from '../kit/runtime/errors.ts';
import type { Endpoints } from '../protocol/access-api.ts';
import type { BoxId } from '../protocol/constants.ts';
import type { Tokens } from './remembered.ts';
import { shownName } from './shown-name.ts';
import { parseEndpoints } from './endpoints.ts';

export interface TokenAnswer {
  name: string;
  ways: Endpoints;
  tokens: Tokens;
}

/** A token endpoint's answer, if every word of it is right for this box; throws `bad-answer`, without a word of it. */
export function tokenAnswer(value: unknown, box: { id: BoxId; zone: string; now: number }): TokenAnswer {
  const said = (value ?? {}) as Record<string, unknown>;
  const { access_token: access, refresh_token: refresh, expires_in: seconds } = said;
  const ways = parseEndpoints(said['ways'], box.zone);
  const wrong =
    said['box_id'] !== box.id
      ? 'it is from another box'
      : typeof access !== 'string' || typeof refresh !== 'string' || said['token_type'] !== 'Bearer'
        ? 'there are no bearer tokens in it'
        : typeof seconds !== 'number' || !(seconds > 0)
          ? 'it does not say how long they last'
          : ways === undefined
            ? 'the ways to the box are not names of its zone'
            : undefined;
  if (wrong !== undefined) {
    throw new Problem('bad-answer', `the box answered for tokens with what cannot be taken: ${wrong}`, {
      status: 502,
      retryable: false,
    });
  }
  return {
    name: shownName(said['box_name']),
    ways: ways as Endpoints,
    tokens: {
      access: access as string,
      refresh: refresh as string,
      accessEndsAt: box.now + (seconds as number) * 1000,
    },
  };
}
