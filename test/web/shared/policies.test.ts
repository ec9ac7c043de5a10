import { describe, expect, it } from 'vitest';
import { Problem } from '../../../src/kit/runtime/errors.ts';
import { clockTime, date, dateTime, daysUntil, relativeTime } from '../../../src/web/shared/format.ts';
import { chooseLanguage, chooseLocale } from '../../../src/web/shared/language.ts';
import { problemText } from '../../../src/web/shared/problem-text.ts';
import { routeOf } from '../../../src/web/shared/router.ts';
import { createShared } from '../../../src/web/shared/shared-value.ts';
import { sharedText } from '../../../src/web/shared/text/shared.ts';

describe('the language', () => {
  it.each([
    ['the kept choice first', 'en', ['de-DE'], 'en'],
    ['the first the browser wants and we have', null, ['fr-FR', 'de-AT', 'en'], 'de'],
    ['whatever its case', null, ['DE'], 'de'],
    ['English else', null, ['fr', 'ja'], 'en'],
    ['a kept one that we do not have counts for nothing', 'tlh', ['de'], 'de'],
    ['nor does a name every object has', 'constructor', [], 'en'],
  ] as const)('is %s', (_rule, kept, wanted, expected) => {
    expect(chooseLanguage(kept, wanted)).toBe(expected);
  });

  it('writes dates as the person’s own kind of it does', () => {
    expect(chooseLocale('en', ['de-DE', 'en-GB'])).toBe('en-GB');
    expect(chooseLocale('de', ['en-GB'])).toBe('de');
  });
});

describe('routes', () => {
  const names = ['home', 'people'] as const;
  it.each([
    ['#/people', 'people'],
    ['#/', undefined],
    ['', undefined],
    ['#people', undefined],
    ['#/elsewhere', undefined],
    ['#/people/../home', undefined],
    ['#/people?x', undefined],
  ])('%s is %s', (hash, expected) => {
    expect(routeOf(hash, names)).toBe(expected);
  });
});

describe('times', () => {
  const now = Date.UTC(2026, 10, 23, 12);
  const minute = 60_000;
  it.each([
    [now - 59_000, 'just now', 'gerade eben'],
    [now + 20_000, 'now', 'jetzt'],
    [now - 3 * minute, '3 minutes ago', 'vor 3 Minuten'],
    [now - 61 * minute, '1 hour ago', 'vor 1 Stunde'],
    [now + 48 * 60 * minute, 'in 2 days', 'übermorgen'],
  ])('%d is “%s”', (time, english, german) => {
    expect(relativeTime(time, now, 'en')).toBe(english);
    expect(relativeTime(time, now, 'de')).toBe(german);
  });

  it('are written as people of the language write them', () => {
    expect(date(now, 'en-GB')).toBe('23 November 2026');
    expect(date(now, 'de')).toBe('23. November 2026');
    expect(dateTime(now, 'de')).toContain('23.11.2026');
    expect(clockTime(now, 'de')).toMatch(/^\d\d:\d\d$/);
  });

  it('count whole days', () => {
    const day = 1440 * minute;
    expect([day, day - 1, -1].map((ms) => daysUntil(now + ms, now))).toEqual([1, 0, -1]);
  });
});

describe('what a person is told of an error', () => {
  const { en, de } = sharedText;
  it('is our sentence for its code, and how long to wait', () => {
    const problem = new Problem('rate-limited', 'slow down', { retryAfterSeconds: 29.2 });
    expect(problemText(problem, en)).toBe('Too many attempts. Try again in 30 seconds.');
    expect(problemText(problem, de)).toBe('Zu viele Versuche. Versuchen Sie es in 30 Sekunden noch einmal.');
  });

  it('is why a password was refused', () => {
    const problem = new Problem('password-refused', 'no', { details: { reason: 'common' } });
    expect(problemText(problem, en)).toBe(en.passwordRefusals.common);
  });

  it('is the server’s own sentence when we have none', () => {
    expect(problemText(new Problem('new-kind', 'the disk is on fire'), de)).toBe('The disk is on fire.');
    const unknown = new Problem('password-refused', 'this password is bad', {
      details: { reason: 'toString' },
    });
    expect(problemText(unknown, de)).toBe('This password is bad.');
  });
});

describe('a store', () => {
  it('tells of changes, and only of changes, until one stops listening', () => {
    const store = createShared(1);
    const seen: number[] = [];
    const stop = store.subscribe((value) => seen.push(value));
    store.set(1);
    store.set(2);
    stop();
    store.set(3);
    expect(seen).toEqual([2]);
    expect(store.value).toBe(3);
  });
});
