import type { Clock } from '../../../kit/runtime/clock.ts';
import { FirebaseMailbox } from './firebase-mailbox.ts';
import type { Mailbox } from './mailbox.ts';
import { PorchlightMailbox } from './porchlight-mailbox.ts';

export interface MailboxesOptions {
  /** Empty texts: none. */
  config: { cloud: { mailbox: string }; firebase: { database: string; serviceAccountFile: string } };
  /** PEM. */
  identity: { boxId: string; certPem: string; keyPem: string };
  /** To trust for the cloud instead of the system's. */
  caPem?: string | undefined;
  clock: Clock;
}

/** The mailboxes that the settings name; the cloud's is the first. */
export function mailboxesOf({ config, identity, caPem, clock }: MailboxesOptions): Mailbox[] {
  const { cloud, firebase } = config;
  return [
    ...(cloud.mailbox === '' ? [] : [new PorchlightMailbox({ origin: cloud.mailbox, identity, caPem })]),
    ...(firebase.database === '' ? [] : [new FirebaseMailbox({ ...firebase, boxId: identity.boxId, clock })]),
  ];
}
