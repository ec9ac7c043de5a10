import { Type } from 'typebox';

/* Settings that every program has, for its configuration schema. */

export const logSettings = Type.Object({
  level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error'], {
    default: 'info',
    description: 'what is logged, and all above',
  }),
  format: Type.Enum(['auto', 'journal', 'json', 'terminal'], {
    default: 'auto',
    description: 'auto: sentences at a terminal, else JSON lines with the priority that journald understands',
  }),
});

/** A port; 0 stands for *any free one* or what the description says. */
export const portSetting = (preset: number, description: string): ReturnType<typeof Type.Integer> =>
  Type.Integer({ default: preset, minimum: 0, maximum: 65_535, description });

/** A domain name in lower case (LDH labels, RFC 5890). */
export const domainPattern = '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$';
