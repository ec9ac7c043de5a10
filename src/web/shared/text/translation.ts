import { type Language, useLanguage } from '../language.ts';

/**
 * What every other language has to be, given the English text: the same keys, and functions of the same parameters. A
 * text that is missing, or one too many, is a type error.
 */
export type Translation<T> = {
  readonly [K in keyof T]: T[K] extends (...values: infer A) => string
    ? (...values: A) => string
    : T[K] extends string
      ? string
      : Translation<T[K]>;
};

/** A hook that answers the text in the language of now. */
export function textHook<T>(byLanguage: Readonly<Record<Language, T>>): () => T {
  return () => byLanguage[useLanguage()];
}
