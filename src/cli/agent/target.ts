import { discover, type Runtime } from '../../client/index.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import type { Endpoints } from '../../protocol/access-api.ts';
import { type BoxId, isBoxId, shortId, tunnelLabel } from '../../protocol/constants.ts';

/** A box to be paired with, and by which of its names the browser goes there. */
export interface Target {
  box: { id: BoxId; name: string; ways: Endpoints };
  origin: string;
}

/**
 * The box that a person means: by any of its addresses, or by name, number or its beginning among those that share the
 * public address of this computer; nothing, when there is one alone. Throws `usage`, `box-unknown`, and what `discover` does.
 */
export async function targetOf(
  text: string | undefined,
  options: { registration: string; runtime: Partial<Runtime>; signal?: AbortSignal },
): Promise<Target> {
  if (text !== undefined && /^https?:/i.test(text)) return targetAt(text);
  const { boxes } = await discover(options);
  const fits = boxes.filter(
    ({ id, name }) =>
      text === undefined ||
      (text.length >= 8 && id.startsWith(text.toLowerCase())) ||
      name.toLowerCase() === text.toLowerCase(),
  );
  const [box] = fits;
  if (box !== undefined && fits.length === 1) return { box, origin: box.ways.tunnel ?? box.ways.main };
  const list = boxes.map(({ id, name }) => `${name} (${shortId(id)})`).join(', ') || 'none';
  throw new Problem(
    'box-unknown',
    `name one box by its address (https://…), or by name or number. Found behind your address: ${list}`,
    { retryable: false },
  );
}

/** From an address of the box as a browser shows it: the box id is one of the labels. */
function targetAt(text: string): Target {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const labels = url?.hostname.split('.') ?? [];
  const at = labels.findIndex(isBoxId);
  const id = labels[at];
  if (url?.protocol !== 'https:' || id === undefined || at > 1) {
    const message = `${JSON.stringify(text)} is no address of a box: it begins with https:// and holds the number of the box, 52 characters`;
    throw new Problem('usage', message);
  }
  const port = url.port === '' ? '' : `:${url.port}`;
  const main = `https://${labels.slice(at).join('.')}${port}`;
  const tunnel = labels[0] === tunnelLabel ? url.origin : null;
  return {
    box: { id, name: shortId(id), ways: { main, mirrors: [], tunnel, address: null } },
    origin: url.origin,
  };
}
