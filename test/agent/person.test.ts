import { chmodSync, writeFileSync, existsSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Person, type PersonOptions } from '../../src/agent/person.ts';
import { silentLog } from '../../src/kit/log/log.ts';
import { temporaryFolder } from '../support/folder.ts';
import { soon } from '../support/soon.ts';

const asked = { origin: 'https://app.test', boxName: 'Our\u202Ebox <b>' };
const signal = new AbortController().signal;

/** Programs of the desktop are looked for in the PATH: here, in a folder of the test's own. */
let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  const { PATH } = process.env;
  process.env['PATH'] = folder;
  onTestFinished(() => void (process.env['PATH'] = PATH));
});

function program(name: string, script: string): void {
  writeFileSync(`${folder}/${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(`${folder}/${name}`, 0o755);
}

function person(changed: Partial<PersonOptions> = {}): { person: Person; said: string[] } {
  const said: string[] = [];
  const err = (text: string): void => void said.push(text);
  const options = { ask: true, platform: 'linux', terminal: undefined, err, log: silentLog } as const;
  return { person: new Person({ ...options, ...changed }), said };
}

describe('the person at the computer', () => {
  it('is told by the desktop, and at the terminal where there is none', async () => {
    const { person: ada, said } = person();
    ada.tell(asked);
    await expect.poll(() => said, soon).toEqual(['https://app.test is signed in to Ourbox <b>\n']);
    program('notify-send', `for a; do echo "$a"; done > ${folder}/shown`);
    ada.tell(asked);
    await expect.poll(() => existsSync(`${folder}/shown`), soon).toBe(true);
    await expect
      .poll(() => readFileSync(`${folder}/shown`, 'utf8'), soon)
      .toContain('https://app.test is signed in to Ourbox <b>');
    expect(said.length).toBe(1);
  });

  it('is not asked unless they want to be', async () => {
    expect(await person({ ask: false }).person.allows(asked, signal)).toBe(true);
  });

  it('is asked by the desktop', async () => {
    program('zenity', 'exit 0');
    expect(await person().person.allows(asked, signal)).toBe(true);
    program('zenity', 'exit 1');
    expect(await person().person.allows(asked, signal)).toBe(false);
    program('zenity', 'echo "cannot open display" >&2; exit 1');
    program('kdialog', 'exit 0');
    expect(await person().person.allows(asked, signal)).toBe(true);
  });

  it('is asked at the terminal where there is no desktop, and nobody there is a no', async () => {
    for (const [typed, expected] of [
      ['y', true],
      ['', false],
      ['no', false],
    ] as const) {
      const terminal = { input: new PassThrough(), output: new PassThrough() };
      const answer = person({ terminal }).person.allows(asked, signal);
      await expect.poll(() => String(terminal.output.read() ?? ''), soon).toContain('[y/N]');
      terminal.input.write(`${typed}\n`);
      expect(await answer).toBe(expected);
    }
    expect(await person().person.allows(asked, signal)).toBe(false);
    const gone = AbortSignal.abort();
    program('zenity', 'exit 0');
    expect(await person().person.allows(asked, gone)).toBe(false);
  });
});
