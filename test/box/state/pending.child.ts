import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Does what its arguments say to a state folder (`stage` or `carry-out`), and is killed before the n-th call that changes
 * the disk: pending.child.ts FOLDER N (restore|reset) (stage|carry-out). Prints `staged` or `done` when it got there.
 */
const [folder = '', killAt = '0', action = 'restore', step = 'stage'] = process.argv.slice(2);

let calls = 0;
const changing = ['mkdir', 'open', 'rename', 'rm'] as const;
for (const name of changing) {
  const real = fs[name] as (...args: unknown[]) => Promise<unknown>;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      if (++calls === Number(killAt)) process.kill(process.pid, 'SIGKILL');
      return real(...args);
    },
  });
}
syncBuiltinESMExports();
const { carryOut, stage } = await import('../../../src/box/state/pending.ts');

if (step === 'stage') {
  const restored = new Map([
    ['identity/key.pem', Buffer.from('new key')],
    ['identity/certificate.pem', Buffer.from('new certificate')],
    ['access/access.sqlite', Buffer.from('new people')],
    ['certificate/pairs/01/key.pem', Buffer.from('new pair')],
  ]);
  if (action === 'restore') await stage(folder, { action: 'restore', kept: [] }, restored);
  else await stage(folder, { action: 'reset', kept: ['identity', 'certificate'] }, new Map());
} else {
  await carryOut(folder);
}
process.stdout.write('done');
