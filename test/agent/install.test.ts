import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { desktopEntry, installLink } from '../../src/agent/install.ts';
import { codeOf } from '../../src/kit/runtime/errors.ts';
import { temporaryFolder } from '../support/folder.ts';

it('registers the link with the desktop, or says what is missing', async () => {
  const dataFolder = temporaryFolder();
  const programs = temporaryFolder();
  const { PATH } = process.env;
  process.env['PATH'] = programs;
  onTestFinished(() => void (process.env['PATH'] = PATH));
  const command = ['/opt/node/bin/node', '/opt/Porch light/main.ts'];
  expect(await installLink({ dataFolder, command }).catch(codeOf)).toBe('install-failed');
  writeFileSync(`${programs}/xdg-mime`, `#!/bin/sh\necho "$@" > ${programs}/called\n`);
  chmodSync(`${programs}/xdg-mime`, 0o755);
  const path = await installLink({ dataFolder, command });
  expect(path).toBe(`${dataFolder}/applications/porchlight-agent.desktop`);
  expect(readFileSync(`${programs}/called`, 'utf8')).toBe(
    'default porchlight-agent.desktop x-scheme-handler/porchlight\n',
  );
  const entry = readFileSync(path, 'utf8');
  expect(entry).toContain('Exec=/opt/node/bin/node "/opt/Porch light/main.ts" agent %u\n');
  expect(entry).toContain('MimeType=x-scheme-handler/porchlight;\n');
});

it('quotes whatever a path may hold', () => {
  const line = desktopEntry(['/a b/$x"\\%', 'main'])
    .split('\n')
    .find((each) => each.startsWith('Exec='));
  expect(line).toBe('Exec="/a b/\\\\$x\\\\"\\\\\\\\%%" main agent %u');
  expect(() => desktopEntry(['a\nExec=evil'])).toThrow('line break');
});
