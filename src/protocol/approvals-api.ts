import { type Static, Type } from 'typebox';

/**
 * Somebody is waiting for an answer whom the box does not know, and an owner is asked. Calls are JSON under `/api`, for owners; the
 * event `approvals` says that the list is another one now.
 */

export const approvalLimits = {
  /** Nobody answered: the question is over. */
  waitSeconds: 120,
  /** Questions at one time: of the home and of elsewhere each, shared between client networks; and of one network. */
  pending: 64,
  pendingPerAddress: 3,
  /** Calls that wait for the same answer. */
  waitersPerQuestion: 4,
  labelMax: 80,
} as const;

const approvalKinds = ['client', 'agent', 'device', 'instance'] as const;
export type ApprovalKind = (typeof approvalKinds)[number];

/** Times in ms since the epoch. */
export const PendingApproval = Type.Object({
  id: Type.String(),
  kind: Type.Enum(approvalKinds),
  /** What who asks says of itself: nothing is proven by it. */
  label: Type.String(),
  /** Shown by who asks as well: the person compares them. Four characters of the codes for people. */
  code: Type.String(),
  address: Type.String(),
  askedAt: Type.Integer(),
  endsAt: Type.Integer(),
});
export type PendingApproval = Static<typeof PendingApproval>;

export const RememberedAnswer = Type.Object({
  id: Type.String(),
  kind: Type.Enum(approvalKinds),
  label: Type.String(),
  allowed: Type.Boolean(),
  /** Of a yes: the session it made. To end that session is to take the yes back. */
  sessionId: Type.Union([Type.String(), Type.Null()]),
  /** The name of the owner who answered, as it was then. */
  decidedBy: Type.String(),
  decidedAt: Type.Integer(),
});
export type RememberedAnswer = Static<typeof RememberedAnswer>;

/** `GET /api/approvals`. `DELETE /api/approvals/{id}` forgets an answer (204): who asks again is asked about again. */
export const ApprovalsView = Type.Object({
  /** By the clock of the box, which a page's may differ from. */
  now: Type.Integer(),
  pending: Type.Array(PendingApproval),
  remembered: Type.Array(RememberedAnswer),
});
export type ApprovalsView = Static<typeof ApprovalsView>;

/** `POST /api/approvals/{id}`: the answer to a question, remembered. 204, or `not-found` when the question is over. */
export const DecideRequest = Type.Object({ allow: Type.Boolean() }, { additionalProperties: false });
export type DecideRequest = Static<typeof DecideRequest>;
