import { type House, PhoneApp } from './house.ts';

async function timed(step: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await step();
  return performance.now() - from;
}

export type LetInTimes = Record<'signIn' | 'request' | 'confirm' | 'firstCall', number>;

/**
 * The whole flow once, by an app that the box has not seen before; how long each step took, ms, the mailbox's part in it. The
 * app is there to make more calls: `app.call('GET', '/api/instance')`.
 */
export async function letInOnce(house: House): Promise<{ app: PhoneApp; times: LetInTimes }> {
  const app = new PhoneApp(house);
  const signIn = await timed(() => app.signIn());
  let otp = '';
  const request = await timed(async () => {
    await app.request();
    otp = await app.read('otp');
  });
  const confirm = await timed(() => app.confirm(otp));
  const firstCall = await timed(() => app.call('GET', '/api/instance'));
  return { app, times: { signIn, request, confirm, firstCall } };
}
