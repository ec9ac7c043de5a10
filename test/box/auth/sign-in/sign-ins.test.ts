import { expect, it } from 'vitest';
import { Audit } from '../../../../src/box/sessions/audit.ts';
import { SignIns } from '../../../../src/box/auth/sign-in/sign-ins.ts';
import { People } from '../../../../src/box/sessions/people.ts';
import { RecentProof } from '../../../../src/box/sessions/recent-proof.ts';
import { notSignedIn, Sessions } from '../../../../src/box/sessions/sessions.ts';
import { SetupCode } from '../../../../src/box/auth/sign-in/setup-code.ts';
import { AccessStore } from '../../../../src/box/sessions/store.ts';
import { Tokens } from '../../../../src/box/sessions/tokens.ts';
import { OwnedFact } from '../../../../src/kit/runtime/fact.ts';
import { silentLog } from '../../../../src/kit/log/log.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { home, password } from '../../lab/lab.ts';

it('lets nobody in, and lets nobody change it, with a password that was replaced while it was looked at', async () => {
  const clock = new FakeClock();
  const folder = temporaryFolder();
  const store = new AccessStore(folder);
  await store.open();
  const sessions = new Sessions({ store, clock });
  const tokens = new Tokens({ store, sessions, clock });
  const people = new People({ store, sessions, clock });
  const audit = new Audit({ store, clock, log: silentLog });
  const setupCode = new SetupCode({ folder, store, clock, log: silentLog });
  let meanwhile: (() => void) | undefined;
  const hasher = {
    hash: async (text: string) => `hash of ${text}`,
    verify: async (text: string, stored: string | undefined) => {
      const right = stored === `hash of ${text}`;
      meanwhile?.();
      return right;
    },
  };
  const hashers = { home: hasher, away: hasher };
  const boxName = new OwnedFact('Our box');
  const recentProof = new RecentProof({ clock });
  const none = { of: () => [], isRight: async () => false, end: () => undefined };
  const beside = { recentProof, secondFactors: none, otherAccess: none };
  const parts = { store, people, sessions, tokens, setupCode, audit, ...beside };
  const signIns = new SignIns({ ...parts, hashers, boxName, clock });
  const { person } = people.claim('Ada', `hash of ${password}`);
  const caller = { ...home, device: 'x' };
  await signIns.signIn({ name: 'Ada', password }, caller);
  const [mine] = sessions.all();

  const replace = (next: string) => (): void => {
    people.setPassword(person.id, `hash of ${next}`);
    sessions.endAllOf(person.id);
  };
  meanwhile = replace('the second one');
  const wrong = { code: 'wrong-name-or-password' };
  await expect(signIns.signIn({ name: 'Ada', password }, caller)).rejects.toMatchObject(wrong);
  meanwhile = replace('the third one');
  const change = { current: 'the second one', password: 'one of a thief' };
  const id = mine?.id ?? '';
  await expect(
    signIns.changePassword(change, { person, session: { id } }, caller, () => undefined),
  ).rejects.toMatchObject(wrong);
  expect([people.passwordOf(person.id), sessions.all()]).toEqual(['hash of the third one', []]);

  meanwhile = undefined;
  const ended = signIns.changePassword(
    { ...change, current: 'the third one' },
    { person, session: { id } },
    caller,
    () => {
      throw notSignedIn();
    },
  );
  await expect(ended).rejects.toMatchObject({ code: 'not-logged-in' });
  expect(people.passwordOf(person.id)).toBe('hash of the third one');
  store.close();
});
