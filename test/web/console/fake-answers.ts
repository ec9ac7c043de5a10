/** What the fake box takes. */
export const right = {
  setupCode: '7K4Q-ZB2M',
  name: 'Ada',
  password: 'four quiet lamp posts',
  code: '123456',
  recoveryCode: 'K7QM-2ZBD-94XT-HNRW',
} as const;

export const challenge = 'Y2hhbGxlbmdlLW9mLXRoZS1mYWtlLWJveA';

export function refuse(
  reply: { status: (code: number) => { send: (body: object) => unknown } },
  status: number,
  code: string,
  more: object = {},
): unknown {
  return reply.status(status).send({ ...more, code, message: `the box says: ${code}` });
}
