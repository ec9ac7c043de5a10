import { execFile } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import { seconds } from '../kit/runtime/clock.ts';
import { codeOf } from '../kit/runtime/errors.ts';
import type { Log } from '../kit/log/log.ts';
import { readableName } from '../kit/runtime/text.ts';
import type { Asked } from './sign-in.ts';

export interface PersonOptions {
  /** Each page needs the person's yes. */
  ask: boolean;
  platform: NodeJS.Platform;
  /** A terminal to ask at, where there is no desktop. */
  terminal: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream } | undefined;
  /** Where a notice goes that no desktop shows. */
  err: (text: string) => void;
  log: Log;
}

const askMs = seconds(60);

/** The person at the computer: hears of each page that is signed in and, if they want, is asked before. */
export class Person {
  readonly #options: PersonOptions;
  /** One question at a time. */
  #asking: Promise<unknown> = Promise.resolve();

  constructor(options: PersonOptions) {
    this.#options = options;
  }

  async allows(asked: Asked, signal: AbortSignal): Promise<boolean> {
    if (!this.#options.ask) return true;
    const answer = this.#asking.then(async () => !signal.aborted && (await this.#ask(asked, signal)));
    this.#asking = answer.catch(() => undefined);
    return answer.catch(() => false);
  }

  tell({ origin, boxName }: Asked): void {
    const text = `${origin} is signed in to ${readableName(boxName)}`;
    const { err, platform } = this.#options;
    const [command, ...args] = noticeOf(platform, text);
    if (command === undefined) return err(`${text}\n`);
    execFile(command, args, { timeout: askMs }, (error) => {
      if (error !== null) err(`${text}\n`);
    });
  }

  async #ask({ origin, boxName }: Asked, signal: AbortSignal): Promise<boolean> {
    const question = `May ${origin} be signed in to ${readableName(boxName)}?`;
    for (const [command, ...args] of dialogsOf(this.#options.platform, question)) {
      const answer = command === undefined ? undefined : await answerOf(command, args, signal);
      if (answer !== undefined) return answer;
    }
    const { terminal, log } = this.#options;
    if (terminal === undefined) {
      log.error('nobody can be asked: there is neither a desktop with zenity or kdialog nor a terminal');
      return false;
    }
    const lines = createInterface(terminal);
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(askMs)]);
      return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal: limit })).trim());
    } finally {
      lines.close();
    }
  }
}

const title = 'Porchlight';

/** Texts are arguments, never part of a script. */
function noticeOf(platform: NodeJS.Platform, text: string): string[] {
  if (platform === 'linux') return ['notify-send', '--app-name', title, '--', title, text];
  if (platform !== 'darwin') return [];
  const script = 'on run argv\ndisplay notification (item 1 of argv) with title "Porchlight"\nend run';
  return ['osascript', '-e', script, text];
}

function dialogsOf(platform: NodeJS.Platform, question: string): string[][] {
  if (platform === 'linux')
    return [
      ['zenity', '--question', '--no-markup', '--default-cancel', `--title=${title}`, `--text=${question}`],
      ['kdialog', '--title', title, '--yesno', question],
    ];
  if (platform !== 'darwin') return [];
  const script =
    'on run argv\ndisplay dialog (item 1 of argv) with title "Porchlight" buttons {"No", "Yes"} default button "No" cancel button "No"\nend run';
  return [['osascript', '-e', script, question]];
}

/** `undefined`: there is no such program, or no desktop that it could show anything on. */
function answerOf(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: askMs, signal }, (error, _out, complaint) => {
      if (error === null) return resolve(true);
      const absent = codeOf(error) === 'ENOENT' || /display/i.test(complaint);
      resolve(absent ? undefined : false);
    });
  });
}
