import { resolve, sep } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { destinationOf } from '../../../../src/box/auth/enrolment/destination.ts';
import { codeOf } from '../../../../src/kit/runtime/errors.ts';

const folders = { app: '/srv/app', 'My App': '/srv/my app/', all: '/' };

describe('a destination', () => {
  it.each([
    ['app', '/srv/app', []],
    ['app', '/srv/app/', []],
    ['app', '/srv/app/a/b', ['a', 'b']],
    ['app', '/srv/app//a///b/', ['a', 'b']],
    ['app', 'a', ['a']],
    ['app', 'a/..b/c..', ['a', '..b', 'c..']],
    ['My App', '/srv/my app/x y', ['x y']],
    ['all', '/etc', ['etc']],
  ])('of %s, %s, is below its folder', (app, destination, steps) => {
    expect(destinationOf(folders, app, destination).steps).toEqual(steps);
  });

  it.each([
    ['app', ''],
    ['app', '..'],
    ['app', '../app'],
    ['app', 'a/../b'],
    ['app', './a'],
    ['app', '/srv/app/..'],
    ['app', '/srv/app/../app/a'],
    ['app', '/srv/apps'],
    ['app', '/srv'],
    ['app', '/'],
    ['app', '//srv/app'],
    ['app', '/SRV/app'],
    ['app', 'a\0b'],
    ['app', 'a\nb'],
    ['app', 'a'.repeat(256)],
    ['app', 'a/'.repeat(33)],
    ['app', 'a'.repeat(2000)],
    ['other', '/srv/app'],
    ['__proto__', '/srv/app'],
    ['toString', '/srv/app'],
  ])('of %s, %j, is refused', (app, destination) => {
    expect(codeOf(thrownBy(app, destination))).toBe('destination-refused');
  });

  it('never leads out, whatever is asked for', () => {
    const step = fc.constantFrom('..', '.', '', 'a', 'srv', 'app', '...', '~', '%2e%2e', '\\..', '/');
    const paths = fc.oneof(
      fc.array(step, { maxLength: 8 }).map((all) => all.join('/')),
      fc.string(),
    );
    fc.assert(
      fc.property(paths, fc.boolean(), (path, absolute) => {
        const destination = absolute ? `/srv/app/${path}` : path;
        if (thrownBy('app', destination) !== undefined) return;
        const { root, steps } = destinationOf(folders, 'app', destination);
        const reached = resolve(root, ...steps);
        expect(reached === '/srv/app' || reached.startsWith(`/srv/app${sep}`)).toBe(true);
      }),
    );
  });
});

function thrownBy(app: string, destination: string): unknown {
  try {
    destinationOf(folders, app, destination);
    return undefined;
  } catch (error) {
    return error;
  }
}
