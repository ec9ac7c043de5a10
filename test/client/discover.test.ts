import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { discover, type DiscoverOptions, type Discovery } from '../../src/client/discover.ts';
import { Problem } from '../../src/kit/runtime/errors.ts';
import { Agent, fetch as undiciFetch } from 'undici';
import { announce, createBox, startServer, testCaPem, zoneRoot } from '../cloud/registration-server/setup.ts';

const id = 'a'.repeat(52);
const zone = `${id}.box.example`;
const announcement = {
  v: '1.0',
  name: 'Kitchen',
  claimed: true,
  local_origin: `https://${zone}:8443`,
  mirror_origins: [`https://a.${zone}:8443`],
  tunnel_origin: `https://remote.${zone}`,
};
const entry = (changes: object = {}, message: unknown = announcement): object => ({
  public_ip: '203.0.113.7',
  client: id,
  timestamp: 1_900_000_000,
  message: typeof message === 'string' ? message : JSON.stringify(message),
  ...changes,
});

/** Asks a registration-server that answers this. */
function answering(
  body: string | null,
  init?: ResponseInit,
  options: Partial<DiscoverOptions> = {},
): Promise<Discovery> {
  const fetch = async (): Promise<Response> => new Response(body, init);
  return discover({ registration: 'https://registration.example', runtime: { fetch }, ...options });
}

const listing = (...entries: unknown[]): Promise<Discovery> => answering(JSON.stringify(entries));

describe('discover', () => {
  it('answers what the box announced', async () => {
    const said = {
      ...announcement,
      rebinding_filter: true,
      mdns_host: 'porchlight-aaaaaaaa.local',
      something: 'of a later version',
    };
    expect(await listing(entry({}, said))).toEqual({
      sharedAddress: false,
      boxes: [
        {
          id,
          name: 'Kitchen',
          claimed: true,
          ways: {
            main: `https://${zone}:8443`,
            mirrors: [`https://a.${zone}:8443`],
            tunnel: `https://remote.${zone}`,
            address: null,
          },
          rebindingFilter: true,
          mdnsHost: 'porchlight-aaaaaaaa.local',
          seenAt: 1_900_000_000_000,
        },
      ],
    });
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['a number', 7],
    ['no id', entry({ client: undefined })],
    ['an id that is none', entry({ client: 'A'.repeat(52) })],
    ['no time', entry({ timestamp: 'now' })],
    ['a message that is an object', { ...entry(), message: announcement }],
    ['a message that is not JSON', entry({}, '{"v":')],
    ['a message that is null', entry({}, 'null')],
    ['no name', entry({}, { ...announcement, name: undefined })],
    ['a name that cannot be seen', entry({}, { ...announcement, name: '\u202E\u200B ' })],
    ['claimed by a text', entry({}, { ...announcement, claimed: 'yes' })],
    ['no local origin', entry({}, { ...announcement, local_origin: null })],
    ['another box’s zone', entry({ client: `b${id.slice(1)}` })],
    ['a main name below its zone', entry({}, { ...announcement, local_origin: `https://x.${zone}` })],
    ['not HTTPS', entry({}, { ...announcement, local_origin: `http://${zone}` })],
    ['with a path', entry({}, { ...announcement, local_origin: `https://${zone}/x` })],
    [
      'with a name and password',
      entry({}, { ...announcement, local_origin: `https://${zone}:1@evil.example` }),
    ],
    ['a port that is none', entry({}, { ...announcement, local_origin: `https://${zone}:99999` })],
    ['a mirror outside the zone', entry({}, { ...announcement, mirror_origins: ['https://a.evil.example'] })],
    [
      'a mirror that is a published service',
      entry({}, { ...announcement, mirror_origins: [`https://cam.${zone}`] }),
    ],
    [
      'a zone that only ends like its own',
      entry({}, { ...announcement, mirror_origins: [`https://a.x${zone}`] }),
    ],
    ['mirrors that are a text', entry({}, { ...announcement, mirror_origins: `https://a.${zone}` })],
    ['too many mirrors', entry({}, { ...announcement, mirror_origins: Array(9).fill(`https://a.${zone}`) })],
    ['a tunnel that is the main name', entry({}, { ...announcement, tunnel_origin: `https://${zone}` })],
    [
      'a tunnel outside the zone',
      entry({}, { ...announcement, tunnel_origin: 'https://remote.evil.example' }),
    ],
    ['no word about a tunnel', entry({}, { ...announcement, tunnel_origin: undefined })],
  ])('leaves out what is wrong, and takes the rest: %s', async (_what, wrong) => {
    const other = `q${id.slice(1)}`;
    const good = entry(
      { client: other },
      JSON.stringify(announcement).replaceAll(id, other).replace('Kitchen', 'Cellar'),
    );
    const { boxes } = await listing(wrong, good);
    expect(boxes.map(({ name }) => name)).toEqual(['Cellar']);
  });

  it('takes no box of another zone root when it knows its own', async () => {
    const body = JSON.stringify([entry()]);
    expect((await answering(body, {}, { zoneRoot: 'Box.example' })).boxes).toHaveLength(1);
    expect((await answering(body, {}, { zoneRoot: 'example' })).boxes).toEqual([]);
    expect((await answering(body, {}, { zoneRoot: 'other.example' })).boxes).toEqual([]);
  });

  it('takes of two announcements of a box the later one, and shows names as they can be told apart', async () => {
    const newer = entry({ timestamp: 1_900_000_100 }, { ...announcement, name: ' Kit\u0000chen\u202E 2 ' });
    for (const entries of [
      [entry(), newer],
      [newer, entry()],
    ]) {
      expect((await listing(...entries)).boxes.map(({ name }) => name)).toEqual(['Kitchen 2']);
    }
  });

  it.each([
    ['a page', '<html>', {}, 'bad-answer'],
    ['an object', '{}', {}, 'bad-answer'],
    ['nothing', null, {}, 'bad-answer'],
    ['a flood', '['.repeat(2_000_000), {}, 'bad-answer'],
    [
      'too many questions',
      '{"code":"rate-limited"}',
      { status: 429, headers: { 'retry-after': '7' } },
      'rate-limited',
    ],
    ['a refusal in no words', 'x', { status: 503 }, 'http-503'],
  ])('says so when there is no list at all: %s', async (_what, body, init, code) => {
    const problem = (await answering(body, init).catch((error: unknown) => error)) as Problem;
    expect(problem).toBeInstanceOf(Problem);
    expect(problem.code).toBe(code);
  });

  it('says so when there is no answer, and when the caller gave up', async () => {
    const asked = { registration: 'https://registration.example', runtime: { fetch: failing } };
    await expect(discover(asked)).rejects.toMatchObject({ code: 'unreachable' });
    const signal = AbortSignal.abort(new Error('left'));
    await expect(discover({ ...asked, signal })).rejects.toThrow('left');
  });

  it('fails with a Problem or not at all, whatever comes', async () => {
    const pieces = fc.letrec((tie) => ({
      entry: fc.record(
        {
          client: fc.oneof(fc.constant(id), fc.anything()),
          timestamp: fc.oneof(fc.nat(), fc.anything()),
          message: fc.oneof(tie('message'), fc.anything()),
        },
        { requiredKeys: [] },
      ),
      message: fc
        .dictionary(fc.constantFrom(...Object.keys(announcement)), fc.oneof(fc.webUrl(), fc.anything()))
        .map((some) => JSON.stringify({ ...announcement, ...some })),
    }));
    const lists = fc.oneof(fc.array(fc.oneof(pieces.entry, fc.anything())), fc.anything());
    await fc.assert(
      fc.asyncProperty(lists, async (list) => {
        const body = safely(list);
        try {
          const { boxes } = await answering(body);
          return boxes.every((box) => new URL(box.ways.main).hostname.startsWith(`${box.id}.`));
        } catch (error) {
          return error instanceof Problem;
        }
      }),
      { numRuns: 500 },
    );
  });
});

async function failing(): Promise<Response> {
  throw new TypeError('fetch failed');
}

function safely(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'undefined';
  } catch {
    return 'not JSON';
  }
}

it('finds the boxes of a registration-server, and by short code those behind a shared address', async ({
  onTestFinished,
}) => {
  const server = await startServer({ stateFolder: temporaryFolder() });
  onTestFinished(() => server.stop());
  const dispatcher = new Agent({ connect: { ca: testCaPem, servername: 'localhost' } });
  onTestFinished(() => dispatcher.destroy());
  const options: DiscoverOptions = {
    registration: `https://127.0.0.1:${server.port}`,
    zoneRoot,
    runtime: {
      fetch: (url, init) => undiciFetch(url, { ...init, dispatcher } as Parameters<typeof undiciFetch>[1]),
    },
  };
  expect(await discover(options)).toEqual({ boxes: [], sharedAddress: false });
  const boxes = Array.from({ length: 6 }, createBox);
  const codes: string[] = [];
  const found: number[] = [];
  for (const box of boxes) {
    const { body } = await announce(server, box);
    codes.push((body as { short_code: string }).short_code);
    found.push((await discover(options)).boxes.length);
  }
  // A handful is listed; of more, those who were there before.
  expect(found).toEqual([1, 2, 3, 4, 5, 5]);
  const unasked = await discover(options);
  expect(unasked.sharedAddress).toBe(true);
  const hidden = boxes.findIndex(({ boxId }) => !unasked.boxes.some(({ id }) => id === boxId));
  const asked = await discover({ ...options, code: codes[hidden] });
  expect(asked.boxes.map(({ id }) => id)).toContain(boxes[hidden]?.boxId);
  const wrong = await discover({ ...options, code: 'gt4c-9mkx' });
  expect(wrong.boxes.map(({ id }) => id)).not.toContain(boxes[hidden]?.boxId);
});
