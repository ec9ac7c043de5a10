import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Problem } from '../../kit/runtime/errors.ts';

/* What RAUC says over D-Bus, as `busctl --json` prints it: each value as `{ type, data }`. */

const text = Type.Object({ data: Type.String() });
const SlotStatus = Type.Object({
  data: Type.Tuple([
    Type.Array(
      Type.Tuple([
        Type.String(),
        Type.Object({
          state: text,
          bootname: Type.Optional(text),
          'bundle.version': Type.Optional(text),
        }),
      ]),
    ),
  ]),
});
const Primary = Type.Object({ data: Type.Tuple([Type.String()]) });
const Properties = Type.Object({
  data: Type.Tuple([
    Type.Object({
      Operation: text,
      LastError: text,
      Progress: Type.Object({ data: Type.Tuple([Type.Integer(), Type.String(), Type.Integer()]) }),
      Compatible: text,
    }),
  ]),
});

/** A slot that the boot loader can start. */
export interface Slot {
  /** RAUC’s name for it: `rootfs.0`. */
  id: string;
  bootname: string;
  booted: boolean;
  /** Of the bundle that was written to it; a slot that came with the card has none. */
  version: string | undefined;
}

export function slotsIn(answer: string): Slot[] {
  const [slots] = shaped(SlotStatus, answer).data;
  return slots.flatMap(([id, slot]) =>
    slot.bootname === undefined
      ? []
      : [
          {
            id,
            bootname: slot.bootname.data,
            booted: slot.state.data === 'booted',
            version: slot['bundle.version']?.data,
          },
        ],
  );
}

/** RAUC’s name of the slot that is started next. */
export function primaryIn(answer: string): string {
  return shaped(Primary, answer).data[0];
}

/** What RAUC is doing. */
export interface Operation {
  installing: boolean;
  /** In percent. */
  progress: number;
  /** Why the last installation failed; empty when it did not. */
  lastError: string;
  compatible: string;
}

export function operationIn(answer: string): Operation {
  const [properties] = shaped(Properties, answer).data;
  return {
    installing: properties.Operation.data === 'installing',
    progress: Math.min(100, Math.max(0, properties.Progress.data[0])),
    lastError: properties.LastError.data,
    compatible: properties.Compatible.data,
  };
}

/** What a bundle says of itself, under its signature. */
export const Manifest = Type.Object({
  compatible: Type.String(),
  version: Type.String(),
  description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
export type Manifest = Static<typeof Manifest>;

export function manifestIn(answer: string): Manifest {
  return shaped(Manifest, answer);
}

function shaped<S extends TSchema>(schema: S, answer: string): Static<S> {
  try {
    return Value.Parse(schema, JSON.parse(answer));
  } catch (error) {
    const message = `RAUC answered something unknown: ${answer.slice(0, 200)}`;
    throw new Problem('rauc-failed', message, { cause: error });
  }
}
