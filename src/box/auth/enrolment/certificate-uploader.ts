import { type Clock, seconds } from '../../../kit/runtime/clock.ts';
import { enrolmentLimits } from '../../../protocol/enrolment-api.ts';

/** What a device is given; PEM. Neither is a secret: the private key never leaves the device. */
export interface Certificates {
  deviceId: string;
  /** What the device trusts the box's secure port by. */
  caPem: string;
  /** The device's own, for the key of its request. */
  certificatePem: string;
}

/**
 * Medium 2: brings the certificates to where the Certificate Provider on the client's side finds them by the device id. When
 * `upload` resolves they can be fetched, and the device is told its id. It may be called again with the same id: what came
 * last counts. It must not hand `caPem` over a channel that others can write to, for the client trusts what it finds there.
 * When it fails, the device is told so and asks again.
 */
export interface CertificateUploader {
  upload(certificates: Certificates, signal: AbortSignal): Promise<void>;
}

/** As many devices as ask at one time in a home, and then some. */
const places = 64;

interface Parcel {
  certificates: Certificates;
  until: number;
}

/** The uploader that needs nobody else: a shelf on the box itself, from which each parcel is taken once, within minutes. */
export class Shelf implements CertificateUploader {
  readonly #clock: Clock;
  /** By device id, the oldest first. */
  readonly #parcels = new Map<string, Parcel>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async upload(certificates: Certificates): Promise<void> {
    this.sweep();
    const { deviceId } = certificates;
    this.#parcels.delete(deviceId);
    this.#parcels.set(deviceId, {
      certificates,
      until: this.#clock.monotonic() + seconds(enrolmentLimits.shelfSeconds),
    });
    const [oldest] = this.#parcels.keys();
    if (this.#parcels.size > places && oldest !== undefined) this.#parcels.delete(oldest);
  }

  take(deviceId: string): Certificates | undefined {
    this.sweep();
    const parcel = this.#parcels.get(deviceId);
    this.#parcels.delete(deviceId);
    return parcel?.certificates;
  }

  sweep(): void {
    for (const [id, { until }] of this.#parcels)
      if (until <= this.#clock.monotonic()) this.#parcels.delete(id);
  }
}
