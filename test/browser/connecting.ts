import type { Page } from 'playwright-core';
import type { House } from './house.ts';

/** Logs the owner in, where the page of the box asks for it. */
export async function signIn(house: House, page: Page): Promise<void> {
  const { name, password } = await house.owner();
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** From the app to the box's question whether to let it in, and no further. */
export async function askToConnect(house: House, page: Page): Promise<void> {
  await page.goto(`${house.origins.app}/#/find`);
  await page.getByRole('button', { name: /^Connect to / }).click();
  const isIn = page.getByRole('button', { name: 'Allow', exact: true });
  await page.getByLabel('Your name').or(isIn).first().waitFor();
  if (!(await isIn.isVisible())) await signIn(house, page);
  await isIn.waitFor();
}

/** All the way: the app is let in by the owner, and connected. */
export async function connectApp(house: House, page: Page): Promise<void> {
  await askToConnect(house, page);
  await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await page.getByText('Everything works.').waitFor();
}

/** What the owner's page is told of the one question, and how its yes is taken. */
export const sayYes = `(async () => {
    const session = await (await fetch('/api/session')).json();
    const { pending } = await (await fetch('/api/approvals')).json();
    const answer = await fetch('/api/approvals/' + pending[0].id, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-csrf-token': session.csrf },
      body: JSON.stringify({ allow: true }),
    });
    return [pending.length, pending[0].label, pending[0].code, answer.status];
})()`;
