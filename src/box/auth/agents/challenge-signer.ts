import { constants, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { type Clock, likelyNow } from '../../../kit/runtime/clock.ts';
import { FairRate } from '../../../kit/http/fair-rate.ts';
import { type SignAnswer, signedText } from '../../../protocol/agent-api.ts';
import { clientKeyOf, type Visitor } from '../../visitor.ts';

const signAsync = promisify(sign);

/** A page needs one signature to be signed in. */
const byAddress = { burst: 20, perSecond: 0.2 };
/** RSA costs a small box milliseconds: strangers by the tunnel get a share of its time, and never that of the home. */
const inTotal = { burst: 60, perSecond: 5 };
const own = { burst: 3, perSecond: 1 / 60 };
const addresses = 10_000;

export interface ChallengeSignerOptions {
  boxId: string;
  /** Of the identity, PEM. */
  keyPem: string;
  clock: Clock;
}

/** Says with the box's identity that a page of this origin talks to this box. */
export class ChallengeSigner {
  readonly #options: ChallengeSignerOptions;
  readonly #rate = new FairRate({ client: byAddress, own, all: inTotal }, addresses);

  constructor(options: ChallengeSignerOptions) {
    this.#options = options;
  }

  /** Throws `rate-limited`. */
  async sign(challenge: string, origin: string, { address, through }: Visitor): Promise<SignAnswer> {
    const { boxId, keyPem, clock } = this.#options;
    const what = 'challenges to sign';
    this.#rate.take(clientKeyOf(address), clock.monotonic(), what, through);
    const signedAt = likelyNow(clock);
    const text = Buffer.from(signedText({ boxId, origin, challenge, signedAt }));
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const signature = await signAsync('sha256', text, { key: keyPem, ...padding });
    return { boxId, signedAt, signature: signature.toString('base64url') };
  }
}
