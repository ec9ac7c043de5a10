import { describe, expect, it } from 'vitest';
import { checkVersion, cutRelease } from '../../../src/cli/release/changelog.ts';

const before = '# Changelog\n\nAll of it.\n';

describe('a changelog', () => {
  it('gets the version over what was unreleased, and keeps what came before', () => {
    const old = '## 0.1.0 (2026-01-01)\n\n- The first.\n';
    const { text, notes } = cutRelease(`${before}\n## Unreleased\n\n- New.\n\n${old}`, '0.2.0', '2026-11-30');
    expect(notes).toBe('- New.');
    expect(text).toBe(`${before}\n## Unreleased\n\n## 0.2.0 (2026-11-30)\n\n- New.\n\n${old}`);
    expect(cutRelease(`${before}\n## Unreleased\n\n- New.\n`, '0.2.0', '2026-11-30').text).toBe(
      `${before}\n## Unreleased\n\n## 0.2.0 (2026-11-30)\n\n- New.\n`,
    );
  });

  it.each([before, `${before}\n## Unreleased\n\n## 0.1.0 (2026-01-01)\n\n- The first.\n`])(
    'with nothing new is no release',
    (text) => expect(() => cutRelease(text, '0.2.0', '2026-11-30')).toThrow('has nothing under'),
  );
});

describe('a version', () => {
  it.each([
    ['0.2.0', '0.1.0'],
    ['1.0.0', '0.9.9'],
    ['0.1.10', '0.1.9'],
    ['0.2.0-rc.1', '0.1.0'],
    ['0.2.0', '0.2.0-rc.1'],
    ['0.2.0-rc.2', '0.2.0-rc.1'],
  ])('%s may follow %s', (next, now) => expect(() => checkVersion(next, now)).not.toThrow());

  it.each([
    ['0.1.0', '0.1.0'],
    ['0.1.0-rc.1', '0.1.0'],
    ['0.0.9', '0.1.0'],
    ['v0.2.0', '0.1.0'],
    ['0.2', '0.1.0'],
  ])('%s may not follow %s', (next, now) => expect(() => checkVersion(next, now)).toThrow(next));
});
