import { Type } from 'typebox';
import * as access from '../../protocol/access-api.ts';
import * as account from '../../protocol/account-api.ts';
import { ApprovalsView } from '../../protocol/approvals-api.ts';
import { AuditView } from '../../protocol/audit-api.ts';
import { ServiceView } from '../../protocol/service-api.ts';
import { UpdateState } from '../../protocol/update-api.ts';
import { appCalls } from './app-calls.ts';
import { type Call, nothing, page } from './call.ts';

const text = Type.String();
const done = { 204: nothing() };
const signedIn = { 204: nothing('Done; the cookie of the session is set.') };
/** Options for `navigator.credentials` (WebAuthn Level 3, 5.1.9), which are the browser’s to read. */
const webauthn = Type.Object(
  {},
  { description: 'Options for `navigator.credentials`, in WebAuthn’s JSON form.' },
);
const recoveryCode = Type.Object({ recoveryCode: text }, { description: 'Shown once; the cookie is set.' });
const anybody = 'open';

const session: Call[] = [
  {
    route: 'GET /api/session',
    summary: 'Whether there is an owner, who is signed in, and the token that changes want.',
    answers: { 200: access.SessionView },
  },
  {
    route: 'POST /api/first-run',
    summary: 'Makes the first owner, with the setup code of the box.',
    answers: { 201: recoveryCode },
  },
  {
    route: 'POST /api/login',
    summary: 'Signs a person in by password, with a second factor where they want one.',
    answers: signedIn,
  },
  {
    route: 'POST /api/login/passkey/options',
    summary: 'Begins signing in with a passkey.',
    answers: { 200: webauthn },
  },
  { route: 'POST /api/login/passkey', summary: 'Signs a person in by passkey.', answers: signedIn },
  { route: 'POST /api/logout', summary: 'Signs out: ends the session.', answers: done },
  {
    route: 'POST /api/join',
    summary: 'Makes the person who was invited, with the invite code.',
    answers: { 201: recoveryCode },
  },
  {
    route: 'POST /api/recover',
    summary: 'Sets another password with the recovery code.',
    answers: { 201: recoveryCode },
  },
  {
    route: 'POST /api/recover/access',
    summary: 'What else lets the person in, for whoever has the recovery code.',
    answers: { 200: account.OtherAccessView },
  },
  {
    route: 'GET /api/proof',
    summary: 'Whether there is recent proof.',
    answers: { 204: nothing('There is.') },
  },
  { route: 'POST /api/proof', summary: 'Proves by password that it is the person.', answers: done },
  {
    route: 'POST /api/proof/passkey/options',
    summary: 'Begins the same by passkey.',
    answers: { 200: webauthn },
  },
  { route: 'POST /api/proof/passkey', summary: 'Proves by passkey that it is the person.', answers: done },
];

const accounts: Call[] = [
  {
    route: 'PUT /api/password',
    summary: 'Changes the password, and ends what else lets the person in but `keep`.',
    answers: done,
  },
  {
    route: 'GET /api/second-factor',
    summary: 'Which second factors the person wants beside the password.',
    answers: { 200: account.SecondFactorView },
  },
  {
    route: 'POST /api/second-factor/totp',
    summary: 'Begins to set up an authenticator app.',
    answers: { 200: account.TotpView },
  },
  {
    route: 'PUT /api/second-factor/totp',
    summary: 'Switches the authenticator app on, with a code of it.',
    answers: done,
  },
  {
    route: 'PUT /api/second-factor',
    summary: 'Switches on that the password wants a passkey beside it.',
    answers: done,
  },
  { route: 'DELETE /api/second-factor', summary: 'Switches second factors off.', answers: done },
  {
    route: 'POST /api/recovery-code',
    summary: 'Makes another recovery code; the one before is void.',
    answers: { 201: Type.Object({ recoveryCode: text }) },
  },
  {
    route: 'GET /api/account/access',
    summary: 'What lets the person in beside the password.',
    answers: { 200: account.OtherAccessView },
  },
  {
    route: 'GET /api/passkeys',
    summary: 'The person’s passkeys.',
    answers: { 200: Type.Object({ passkeys: Type.Array(access.PasskeyView) }) },
  },
  { route: 'POST /api/passkeys/options', summary: 'Begins to add a passkey.', answers: { 200: webauthn } },
  { route: 'POST /api/passkeys', summary: 'Adds a passkey.', answers: { 201: access.PasskeyView } },
  { route: 'DELETE /api/passkeys/:id', summary: 'Removes a passkey of the person.', answers: done },
];

const people: Call[] = [
  {
    route: 'GET /api/people',
    summary: 'The people of the box.',
    answers: { 200: Type.Object({ people: Type.Array(access.PersonView) }) },
  },
  {
    route: 'POST /api/people',
    summary: 'Invites a person. The code is shown once and works once.',
    answers: { 201: Type.Object({ id: text, inviteCode: text, expiresAt: Type.Integer() }) },
  },
  { route: 'DELETE /api/people/:id', summary: 'Removes a person and ends their sessions.', answers: done },
  {
    route: 'GET /api/sessions',
    summary: 'The sessions of the person; an owner sees all.',
    answers: { 200: Type.Object({ sessions: Type.Array(access.SessionNode) }) },
  },
  { route: 'DELETE /api/sessions/:id', summary: 'Ends a session and those below it.', answers: done },
  { route: 'GET /api/apps', summary: 'The apps that may ask to connect.', answers: { 200: access.AppList } },
  {
    route: 'PUT /api/apps',
    summary: 'Replaces that list; the sessions of apps that are no longer on it end.',
    answers: { 200: access.AppList },
  },
  {
    route: 'GET /api/approvals',
    summary: 'Who waits for an owner’s answer, and the answers that are remembered.',
    answers: { 200: ApprovalsView },
  },
  { route: 'POST /api/approvals/:id', summary: 'Answers who waits.', answers: done },
  { route: 'DELETE /api/approvals/:id', summary: 'Forgets an answer.', answers: done },
  {
    route: 'GET /api/audit',
    summary: 'Who did what, when and from where: the youngest first, older than `before`.',
    answers: { 200: AuditView },
  },
];

const theBox: Call[] = [
  {
    route: 'GET /openapi.json',
    who: anybody,
    summary: 'This description.',
    answers: { 200: Type.Object({}, { description: 'OpenAPI 3.1' }) },
  },
  {
    route: 'GET /ping',
    who: anybody,
    summary: 'That the box is there, for a page of any origin.',
    answers: { 204: nothing('It is.') },
  },
  {
    route: 'GET /status',
    who: anybody,
    summary: 'How the box is doing, as a page without scripts; details at home alone.',
    answers: { 200: page('A page.') },
  },
  {
    route: 'GET /.well-known/porchlight/probe',
    who: anybody,
    summary: 'The box’s question to itself, by which it knows that it is reached through the tunnel.',
    answers: { 200: Type.Object({ nonce: text, boxId: text, proof: text }) },
  },
  {
    route: 'GET /api/me',
    summary: 'Who is signed in, by which session, at which box.',
    answers: {
      200: Type.Object({
        person: Type.Object({ id: text, name: text, role: text }),
        session: Type.Object({ id: text, kind: Type.Enum(access.sessionKinds) }),
        boxId: text,
        boxName: text,
      }),
    },
  },
  { route: 'GET /api/state', summary: 'How the box is doing.', answers: { 200: access.StateView } },
  {
    route: 'GET /api/ways',
    summary: 'The origins by which the box can be reached now.',
    answers: { 200: access.TokenResponse.properties.ways },
  },
  {
    route: 'GET /api/services',
    summary: 'The web services of the home that the box publishes.',
    answers: { 200: Type.Object({ services: Type.Array(ServiceView) }) },
  },
  {
    route: 'GET /api/settings',
    summary: 'The settings that owners may change.',
    answers: { 200: access.SettingsView },
  },
  { route: 'PUT /api/settings', summary: 'Changes them.', answers: { 200: access.SettingsView } },
  {
    route: 'GET /api/logs',
    summary: 'Lines of the log, oldest first, younger than `after`; without secrets.',
    answers: { 200: Type.Object({ lines: Type.Array(access.LogLine) }) },
  },
  {
    route: 'POST /api/backup',
    summary: 'Makes a backup, encrypted with the passphrase.',
    answers: { 200: access.BackupView },
  },
  {
    route: 'POST /api/restore',
    summary: 'Checks a backup; the box then restarts and is what is in it.',
    answers: { 202: access.RestoreView },
  },
  {
    route: 'POST /api/reset',
    summary: 'Factory reset: the box then restarts without people.',
    answers: { 202: nothing('Begun.') },
  },
  {
    route: 'GET /api/update',
    summary: 'What is installed, available, and how far an update is.',
    answers: { 200: UpdateState },
  },
  {
    route: 'PUT /api/update/settings',
    summary: 'Chooses the channel, and whether the box looks for updates by itself.',
    answers: { 200: UpdateState },
  },
  { route: 'POST /api/update/check', summary: 'Looks for an update now.', answers: { 200: UpdateState } },
  {
    route: 'POST /api/update/install',
    summary: 'Begins to install the release that is available, or the one named.',
    answers: { 202: UpdateState },
  },
  {
    route: 'POST /api/update/restart',
    summary: 'Restarts into what was installed.',
    answers: { 202: UpdateState },
  },
  {
    route: 'PUT /api/update/bundle',
    summary: 'Installs the bundle that is sent.',
    body: { type: 'application/octet-stream', schema: Type.String({ description: 'the bundle' }) },
    answers: { 202: UpdateState },
  },
];

/** Every call of the box's own application. */
export const boxCalls: readonly Call[] = [...session, ...accounts, ...people, ...theBox, ...appCalls];
