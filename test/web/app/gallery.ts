import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const folder = join(import.meta.dirname, '../../../test-output/screenshots');
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } } as const;
const schemes = ['light', 'dark'] as const;
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * What the page looks like now, kept to be looked at: phone and desktop, light and dark. Each is checked by axe against WCAG
 * 2.2 AA, and nothing may be wider than the narrowest phone, in the longer of our languages.
 */
export async function look(page: Page, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [size, viewport] of Object.entries(sizes)) {
      await page.setViewportSize(viewport);
      const path = join(folder, `app-${name}-${size}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true });
    }
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).withTags(rules).analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    expect(found, `what axe finds in ${name}, ${colorScheme}`).toEqual([]);
  }
  await page.setViewportSize({ width: 320, height: 640 });
  for (const language of ['de', 'en']) {
    await page.getByRole('combobox').selectOption(language);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width, `width of ${name} at 320 px in ${language}`).toBeLessThanOrEqual(320);
    if (language === 'de')
      await page.screenshot({ path: join(folder, `app-${name}-320-de.png`), fullPage: true });
  }
  await page.setViewportSize(sizes.desktop);
}
