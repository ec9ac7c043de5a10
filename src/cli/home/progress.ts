import type { Box } from '../../box/box.ts';
import type { Fact } from '../../kit/runtime/fact.ts';
import { until } from '../../kit/runtime/fact.ts';

/** The steps from an empty folder to a box that is reachable in every way. */
export type BoxStep = 'identity' | 'address' | 'zone' | 'certificate' | 'mdns' | 'tunnel' | 'announced';

/** Tells each step as it happens; resolves when all have: in a home left unclaimed, those that need no owner. */
export async function watchSteps(
  box: Box,
  onStep: (step: BoxStep, detail: string) => void,
  signal: AbortSignal,
  options: { unclaimed?: boolean } = {},
): Promise<void> {
  const { facts } = box;
  const step = async <T>(
    name: BoxStep,
    fact: Fact<T>,
    detail: (value: T) => string | undefined,
  ): Promise<void> => {
    const value = await until(fact, (candidate) => detail(candidate) !== undefined, signal);
    onStep(name, detail(value) ?? '');
  };
  onStep('identity', facts.identity.boxId);
  await Promise.all([
    step('address', facts.network, ({ addresses }) => addresses[0]),
    step('zone', facts.zone, (zone) => (zone?.records.main.length ? `serial ${zone.serial}` : undefined)),
    step('certificate', facts.certificate, (certificate) => certificate?.names.map(shortened).join(' and ')),
    step('mdns', facts.mdns, ({ host }) => host),
    ...(options.unclaimed === true
      ? []
      : [
          step('tunnel', facts.tunnel, ({ phase }) =>
            phase === 'connected' ? 'proven from outside' : undefined,
          ),
          announced(box, onStep, signal),
        ]),
  ]);
}

/** An announcement counts once it can hold everything: after the tunnel is there. */
async function announced(
  box: Box,
  onStep: (step: BoxStep, detail: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { tunnel, announce } = box.facts;
  await until(tunnel, ({ phase }) => phase === 'connected', signal);
  const before = announce.value.announcedAt;
  const state = await until(
    announce,
    ({ announcedAt }) => announcedAt !== undefined && announcedAt !== before,
    signal,
  );
  onStep('announced', `behind ${state.publicAddress ?? 'an unknown address'}`);
}

const shortened = (name: string): string => name.replaceAll(/[a-z2-7]{44}(?=[aq]?[^.]*\.)/g, '…');
