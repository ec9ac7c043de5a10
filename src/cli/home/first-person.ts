import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { join } from 'node:path';
import { Problem } from '../../kit/runtime/errors.ts';
import { until } from '../../kit/runtime/fact.ts';
import { readIfThere, writeAtomic } from '../../kit/store/files.ts';
import type { Box } from '../../box/box.ts';

export interface FirstPerson {
  name: string;
  password: string;
}

/**
 * The owner of a home on one machine. At the first start they do what a person does in the console: give the setup code, a
 * name and a password. The password is kept beside the rest of the home, for the one who tries it.
 */
export async function firstPerson(box: Box, options: { state: string; port: number }): Promise<FirstPerson> {
  const path = join(options.state, 'owner.json');
  const kept = await readIfThere(path);
  const person: FirstPerson =
    kept === undefined
      ? { name: 'Robin', password: randomBytes(9).toString('base64url') }
      : (JSON.parse(kept) as FirstPerson);
  if (box.facts.claimed.value) return person;
  await writeAtomic(path, JSON.stringify(person));
  // Before the box knows its own links it takes nobody for being at home.
  await until(box.facts.network, ({ addresses }) => addresses.length > 0, AbortSignal.timeout(60_000));
  const { identity, names } = box.facts;
  await claimBox({
    name: names.main,
    port: options.port,
    certPem: identity.certPem,
    setupCode: box.facts.setupCode() ?? '',
    person,
  });
  return person;
}

/** Makes somebody the owner of a new box on this machine, by the call that the console makes. */
export async function claimBox(box: {
  /** Its main name. */
  name: string;
  port: number;
  /** Of its identity. */
  certPem: string;
  setupCode: string;
  person: FirstPerson;
}): Promise<void> {
  const { name, port, certPem, setupCode, person } = box;
  const origin = `https://${name}:${port}`;
  const asked = request({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/api/first-run',
    servername: name,
    // The box has no other certificate yet; this one is known, and has no names in it.
    ca: certPem,
    checkServerIdentity: () => undefined,
    headers: { host: new URL(origin).host, origin, 'content-type': 'application/json' },
    agent: false,
  });
  asked.end(JSON.stringify({ ...person, setupCode }));
  await new Promise<void>((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', (response) => {
      let answer = '';
      response.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      response.on('end', () =>
        response.statusCode === 201
          ? resolve()
          : reject(new Problem('first-run-failed', `the box answered ${answer}`)),
      );
    });
  });
}
