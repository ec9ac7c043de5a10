import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { pageWeights } from '../../src/web/build.ts';
import { connectApp, signIn } from '../browser/connecting.ts';
import { House } from '../browser/house.ts';
import { type BenchRow, median } from './bench-row.ts';

const rounds = 7;
const slower = 4;

/** What a person waits for in a browser: Debian's Chromium, a whole home on this machine, and a CPU that is held back. */
export async function benchPages(): Promise<BenchRow[]> {
  const house = await House.start({ unclaimed: false });
  try {
    return [
      ...weights(),
      await interactive(house, 'app'),
      await interactive(house, 'main'),
      await untilBoxPage(house),
      await untilSignedOut(house),
    ];
  } finally {
    await house.close();
  }
}

function weights(): BenchRow[] {
  const all = pageWeights(join(import.meta.dirname, '../../dist/web'));
  const note = 'gzipped, everything: scripts, styles, both languages; limit 62 kB';
  return Object.entries(all).map(([page, bytes]) => ({
    name: `weight of the ${page}`,
    value: bytes / 1000,
    unit: 'kB',
    note,
  }));
}

/** First visits: nothing is in the browser's cache. */
async function interactive(house: House, name: 'app' | 'main'): Promise<BenchRow> {
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { context, page } = await house.person();
    const cdp = await context.newCDPSession(page);
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: slower });
    await page.addInitScript(watchPage);
    await page.goto(house.origins[name], { waitUntil: 'commit' });
    all.push(await page.evaluate<number>('globalThis.interactive'));
    await context.close();
  }
  return {
    name: `${name === 'app' ? 'app' : 'console'}: until it can be used`,
    value: median(all),
    unit: 'ms',
    note: `median of ${rounds}, empty cache, CPU ${slower} × slower; from the navigation until the main button is on the screen and no long task runs any more`,
  };
}

/**
 * Runs in the page, before its scripts. `globalThis.interactive`: ms from the navigation until the main button is on the
 * screen and the last long task (50 ms or more; W3C Long Tasks) is over, known once half a second has passed without one.
 */
const watchPage = `{
  let taskEnd = 0;
  let painted;
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) taskEnd = Math.max(taskEnd, startTime + duration);
  }).observe({ type: 'longtask', buffered: true });
  globalThis.interactive = new Promise((resolve) => {
    let seen = false;
    const look = () => {
      // What was there in one frame is on the screen at the next.
      if (seen) painted ??= performance.now();
      seen ||= document.querySelector('.button.primary') !== null;
      const since = Math.max(painted ?? Infinity, taskEnd);
      if (performance.now() - since > 500) resolve(since);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}`;

async function untilBoxPage(house: House): Promise<BenchRow> {
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { context, page } = await house.person();
    await page.goto(house.origins.app);
    const connect = page.getByRole('button', { name: /^Connect to / });
    await connect.waitFor();
    const arrived = page.getByRole('heading', { name: 'Sign in' }).waitFor();
    all.push(await timed(() => Promise.all([connect.click(), arrived])));
    await context.close();
  }
  return {
    name: 'from Connect to the box’s page',
    value: median(all),
    unit: 'ms',
    note: `median of ${rounds}; from the click until the box’s login is on the screen, name, TLS and page included`,
  };
}

async function untilSignedOut(house: House): Promise<BenchRow> {
  const all: number[] = [];
  const owner = await house.person();
  await owner.page.goto(`${house.origins.main}/#/sessions`);
  await signIn(house, owner.page);
  const { page } = await house.person();
  for (let round = 0; round < rounds; round++) all.push(await measureSignOut(house, owner.page, page));
  return {
    name: 'session ended in the console until the app is out',
    value: median(all),
    unit: 'ms',
    note: `median of ${rounds}; from the click in one browser until the app in another says so`,
  };
}

async function measureSignOut(house: House, owner: Page, page: Page): Promise<number> {
  await connectApp(house, page);
  await owner.reload();
  const app = new URL(house.origins.app).host;
  await owner.getByRole('button', { name: new RegExp(`^Sign out ${app} · `) }).click();
  const end = owner.getByRole('dialog').getByRole('button', { name: 'Sign out', exact: true });
  const told = page.getByText('The box has signed you out.').waitFor();
  return timed(() => Promise.all([end.click(), told]));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
