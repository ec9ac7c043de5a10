import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from '../browser/house.ts';
import { trust } from '../browser/trusting-home.ts';
import { temporaryFolder } from '../support/folder.ts';
import { execFile } from '../support/programs.ts';
import { chromiumPath, quietly } from '../web/browser.ts';
import { notInPath } from './not-in-path.ts';

interface Report {
  categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
  audits: Record<string, { score: number | null; title: string; displayValue?: string }>;
}

const reason = notInPath('lighthouse', 'npm install --global lighthouse@13.5.0');
const folder = temporaryFolder();

describe.skipIf(reason !== undefined)(
  `pages as Lighthouse sees them ${reason ?? ''}`,
  { timeout: 300_000 },
  () => {
    let house: House;
    beforeAll(async () => {
      house = await House.start({ unclaimed: false });
      mkdirSync(join(folder, 'person'));
      trust(join(folder, 'person'), readFileSync(house.home.caPath, 'utf8'));
    }, 120_000);
    afterAll(() => house?.close());

    it.each(['app', 'main'] as const)('the page under the %s name has no fault', async (which) => {
      const file = join(folder, `${which}.json`);
      const flags = ['--headless=new', '--no-sandbox', ...quietly].join(' ');
      const words = ['--quiet', '--no-enable-error-reporting', `--chrome-flags=${flags}`, '--output=json'];
      const asked = ['--only-categories=accessibility,best-practices,performance', `--output-path=${file}`];
      const env = { ...process.env, HOME: join(folder, 'person'), CHROME_PATH: chromiumPath, CI: '1' };
      await promisify(execFile)('lighthouse', [`${house.origins[which]}/`, ...words, ...asked], { env });
      const { categories, audits } = JSON.parse(readFileSync(file, 'utf8')) as Report;
      const score = Math.round((categories['performance']?.score ?? 0) * 100);
      process.stderr.write(`Lighthouse, ${which}: performance ${score} (not asserted)\n`);
      const faults = ['accessibility', 'best-practices'].flatMap((name) =>
        (categories[name]?.auditRefs ?? [])
          .filter(({ id, weight }) => weight > 0 && (audits[id]?.score ?? 1) < 1)
          .map(({ id }) => `${name}: ${id} (${audits[id]?.title ?? ''})`),
      );
      expect(faults).toEqual([]);
    });
  },
);
