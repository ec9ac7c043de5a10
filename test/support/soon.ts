/** For `expect.poll`: patient, because a machine that runs all tests at once is slow; a condition that holds costs nothing. */
export const soon = { timeout: 30_000, interval: 20 } as const;
