import { Type } from 'typebox';
import type { BoxStatus } from '../box/system/status.ts';
import { codeOf, Problem } from '../kit/runtime/errors.ts';
import { HttpClient } from '../kit/http/http-client.ts';

/** Enough to know that it is a box that answers, and not some other program. */
const Answer = Type.Unsafe<BoxStatus>(
  Type.Object({ boxId: Type.String(), conditions: Type.Array(Type.Unknown()) }),
);

/** What the box that runs on this machine says of itself. Throws `box-not-running`. */
export async function askBox(port: number, timeoutMs: number): Promise<BoxStatus> {
  const client = new HttpClient({ origin: `http://127.0.0.1:${port}`, timeoutMs });
  try {
    return await client.request({ method: 'GET', path: '/status', answer: Answer });
  } catch (error) {
    const where = `127.0.0.1:${port}`;
    const what =
      codeOf(error) === 'unreachable' ? `no box answers on ${where}` : `what answers on ${where} is no box`;
    throw new Problem(
      'box-not-running',
      `${what}; start it (porchlight box), or say where it runs with --system.port`,
      { cause: error },
    );
  } finally {
    await client.close();
  }
}
