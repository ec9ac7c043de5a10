import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's. */
export const chromiumPath = '/usr/bin/chromium';
export const noBrowser = existsSync(chromiumPath)
  ? undefined
  : `${chromiumPath} is not there: apt-get install chromium`;

/** Words for a browser that asks nobody on its own. */
export const quietly = [
  '--no-first-run',
  ...['background-networking', 'component-update', 'sync', 'quic', 'gpu'].map((what) => `--disable-${what}`),
];

const screenshotFolder = join(import.meta.dirname, '../../test-output/screenshots');

/** A browser that talks to nobody but the pages it is sent to. */
export async function launchBrowser(...args: string[]): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', ...quietly, ...args] });
}

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } } as const;

/** Pictures of a page as a phone and a desktop show it, light and dark: `<name>-phone-dark.png`. */
export async function takePictures(page: Page, name: string): Promise<void> {
  mkdirSync(screenshotFolder, { recursive: true });
  for (const [device, size] of Object.entries(sizes)) {
    await page.setViewportSize(size);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({
        path: join(screenshotFolder, `${name}-${device}-${colorScheme}.png`),
        fullPage: true,
        animations: 'disabled',
      });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

/** What axe finds against WCAG 2.2 AA and its own best practices, as sentences; the colours of both schemes are looked at. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const axe = new AxeBuilder({ page });
    // All else is the same in both.
    if (colorScheme === 'dark') axe.withRules('color-contrast');
    const { violations } = await axe.analyze();
    for (const { id, help, nodes } of violations)
      found.push(...nodes.map((node) => `${colorScheme}: ${id} (${help}): ${node.html}`));
  }
  await page.emulateMedia({ colorScheme: 'light' });
  return found;
}

/** How many pixels a page is wider than a screen of 320 px (WCAG 2.2, 1.4.10); 0 is right. */
export async function overflowAt320(page: Page): Promise<number> {
  await page.setViewportSize({ width: 320, height: 640 });
  // As text: this file is also imported where there are no types of the DOM.
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

/** What a page says that nobody should have to read: script errors, and what its content security policy refused. */
export function listenForFaults(context: BrowserContext): string[] {
  const faults: string[] = [];
  context.on('weberror', (error) => faults.push(error.error().message));
  context.on('console', (message) => {
    // A refusal by the box is part of a test; the browser reports each as an error of the page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  return faults;
}
