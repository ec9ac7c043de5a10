import { createHash } from 'node:crypto';

const key = 'check';

/**
 * `value` as the text of a file that says by itself whether it is as it was written: JSON with a checksum beside the members.
 * JSON alone takes many a flipped bit for another value.
 */
export function checkedJson(value: object): string {
  return `${JSON.stringify({ ...value, [key]: checksum(value) })}\n`;
}

/** What `checkedJson` wrote, or a file of an older version without a checksum. Throws for anything else. */
export function readCheckedJson(text: string): Record<string, unknown> {
  const read: unknown = JSON.parse(text);
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new Error('it is no JSON object');
  const { [key]: check, ...value } = read as Record<string, unknown>;
  if (check !== undefined && check !== checksum(value)) throw new Error('its checksum is wrong');
  return value;
}

const checksum = (value: object): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
