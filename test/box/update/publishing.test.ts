import { execFileSync } from '../../support/programs.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { expect, it } from 'vitest';
import { ReleaseIndex } from '../../../src/protocol/update-api.ts';
import { temporaryFolder } from '../../support/folder.ts';

it('the list that docs/UPDATING.md shows how to make is one that a box reads', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/UPDATING.md'), 'utf8');
  const script = /```sh\n(bundle=.*?)```/s.exec(page)?.[1] ?? '';
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'porchlight-1.4.0-arm64.raucb'), 'a bundle');
  execFileSync('sh', ['-euc', script], { cwd: folder });
  const index = Value.Parse(ReleaseIndex, JSON.parse(readFileSync(join(folder, 'stable.json'), 'utf8')));
  expect(index.releases).toMatchObject([{ version: '1.4.0', size: 8 }]);
});
