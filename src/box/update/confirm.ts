import { constants } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Clock, seconds } from '../../kit/runtime/clock.ts';
import { messageOf } from '../../kit/runtime/errors.ts';
import { type Before, type Seen, Trial } from './confirm-policy.ts';
import type { Rauc, RaucStatus } from './rauc.ts';
import type { TrialMarks } from './trial-marks.ts';
import { recordFile, UpdateRecord } from './update-record.ts';

export interface ConfirmOptions {
  rauc: Rauc;
  marks: TrialMarks;
  /** The box’s loopback port of /healthz. */
  port: number;
  /** The box’s `<state>/.update`: its note of how it was before. */
  notes: string;
  /** Of this start of the machine, and root’s; kept when the command ends. */
  runtimeFolder: string | undefined;
  /** A trial without a verdict by then ends badly. */
  limitMs: number;
  clock: Clock;
  say: (text: string) => void;
}

const lookEveryMs = seconds(2);
/** RAUC’s service may be slower to start than we are. */
const raucTries = 30;

/**
 * Keeps what runs, or says that it is not to be kept. What is not on trial is kept at once: the boot loader’s count is for
 * systems that do not come up, not for a box without internet. Answers whether it is kept. Throws when RAUC does not answer.
 */
export async function confirm(options: ConfirmOptions, signal: AbortSignal): Promise<boolean> {
  const { rauc, marks, say } = options;
  const machine = await raucStatus(options, signal);
  if (machine === undefined) return (say('there is no RAUC here, and nothing to confirm'), true);
  const { booted, next } = machine;
  const onTrial = await marks.onTrial();
  if (onTrial === booted) return judge(options, booted, signal);
  if (onTrial === next && (await isFirstOfThisStart(options))) await giveUp(options, onTrial, signal);
  await rauc.mark('good', 'booted', signal);
  return (say(`slot ${booted} is not on trial: kept`), true);
}

async function judge(options: ConfirmOptions, slot: string, signal: AbortSignal): Promise<boolean> {
  const { rauc, marks, clock, say } = options;
  const before = await conditionsBefore(options.notes, slot);
  const trial = new Trial({ before, startedAt: clock.monotonic(), limitMs: options.limitMs });
  say(`slot ${slot} is on trial${before === undefined ? ', and nobody noted how the box was before' : ''}`);
  for (;;) {
    const verdict = trial.look(await conditionsNow(options.port), clock.monotonic());
    if (verdict.is === 'good') {
      await rauc.mark('good', 'booted', signal);
      await marks.decide({ slot, good: true, reason: '' });
      return (say(`slot ${slot} is healthy: kept`), true);
    }
    if (verdict.is === 'bad') {
      await marks.decide({ slot, good: false, reason: verdict.reason });
      return (say(`slot ${slot} is not kept: ${verdict.reason}`), false);
    }
    await clock.sleep(lookEveryMs, signal);
  }
}

/** The machine was to start with the slot on trial and did not: the boot loader has used up its tries, which RAUC may not see. */
async function giveUp(
  { rauc, marks, say }: ConfirmOptions,
  slot: string,
  signal: AbortSignal,
): Promise<void> {
  await rauc.mark('bad', 'other', signal);
  const verdict = await marks.verdict();
  if (verdict === undefined) await marks.decide({ slot, good: false, reason: 'it did not come up' });
  say(`slot ${slot} did not come up: not tried again`);
}

/** Later in the same start a slot that is started next is one that has just been written. */
async function isFirstOfThisStart({ runtimeFolder }: ConfirmOptions): Promise<boolean> {
  if (runtimeFolder === undefined) return false;
  try {
    await writeFile(join(runtimeFolder, 'looked'), '', { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

async function raucStatus(options: ConfirmOptions, signal: AbortSignal): Promise<RaucStatus | undefined> {
  const { rauc, clock, say } = options;
  for (let tries = 1; ; tries++) {
    try {
      return await rauc.status(signal);
    } catch (error) {
      if (tries === raucTries) throw error;
      say(messageOf(error));
      await clock.sleep(lookEveryMs, signal);
    }
  }
}

const Health = Type.Object({
  conditions: Type.Array(
    Type.Object({
      name: Type.String(),
      severity: Type.Union([Type.Literal('ok'), Type.Literal('warning'), Type.Literal('error')]),
      message: Type.String(),
    }),
  ),
});

/** What the box says of itself; `undefined` when it does not answer. An answer of 503 is one. */
async function conditionsNow(port: number): Promise<readonly Seen[] | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, {
      signal: AbortSignal.timeout(seconds(5)),
    });
    return Value.Parse(Health, await response.json()).conditions;
  } catch {
    return undefined;
  }
}

const largestNote = 256 * 1024;

/** From the folder of a user with fewer rights: no link is followed, and nothing but a small file is read. */
async function conditionsBefore(folder: string, slot: string): Promise<Before> {
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const file = await open(join(folder, recordFile), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const { size } = await file.stat();
      if (size > largestNote) return undefined;
      const { attempt } = Value.Parse(UpdateRecord, JSON.parse(await file.readFile('utf8')));
      return attempt?.slot === slot ? attempt.before : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
