/* A box in a process of its own that is claimed, lets an app in, ends a session, says so, and waits to be killed. */
import { createServer } from 'node:net';
import { Sessions } from '../../../src/box/sessions/sessions.ts';
import { AccessStore } from '../../../src/box/sessions/store.ts';
import { PasswordHasher } from '../../../src/box/auth/sign-in/argon2.ts';
import { People } from '../../../src/box/sessions/people.ts';
import { Tokens } from '../../../src/box/sessions/tokens.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { clientId, password } from '../lab/visit.ts';

const [folder = ''] = process.argv.slice(2);
const clock = new FakeClock();
const store = new AccessStore(folder);
await store.open();
const sessions = new Sessions({ store, clock });
const tokens = new Tokens({ store, sessions, clock });
const people = new People({ store, sessions, clock });
people.open();
const { person } = people.claim('Ada', await new PasswordHasher().hash(password));
const session = { personId: person.id, label: 'x', address: null, idleMs: 60_000 } as const;
const signIn = sessions.create({ ...session, kind: 'login', parentId: null });
const app = sessions.create({ ...session, kind: 'app', clientId, parentId: signIn.id });
const pair = tokens.newPair(app.id);
const cookie = tokens.newCookie(signIn.id);
const other = sessions.create({ ...session, kind: 'login', parentId: null });
const ended = tokens.newCookie(other.id);
sessions.end(other.id);
process.stdout.write(
  `${JSON.stringify({ cookie, access: pair.accessToken, refresh: pair.refreshToken, ended })}\n`,
);
// Open until killed.
createServer().listen(0, '127.0.0.1');
