/** What visitors in all tests say; apart, for those that run outside of vitest. */
export const appOrigin = 'https://app.test';
export const clientId = 'https://app.test';
export const password = 'seven green bottles';
