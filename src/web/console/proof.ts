import { codeOf, Problem } from '../../kit/runtime/errors.ts';
import type { ProofMethod } from '../../protocol/account-api.ts';
import type { Api } from '../shared/api.ts';
import { createShared, type SharedValue } from '../shared/shared-value.ts';

/** Wants the person to prove that it is they. */
export interface ProofAsked {
  by: readonly ProofMethod[];
  /** They have. */
  given: () => void;
  /** They do not want to: what they asked for is called off, as if they had never asked. */
  declined: () => void;
}

/**
 * Calls the box by `api`. What it answers `proof-needed` waits until the person has proved that it is they, and is asked again;
 * several at the same time wait for one answer.
 */
export function createProof(api: Api): { api: Api; proofAsked: SharedValue<ProofAsked | undefined> } {
  const proofAsked = createShared<ProofAsked | undefined>(undefined);
  let asked: Promise<void> | undefined;
  const ask = (by: readonly ProofMethod[]): Promise<void> => {
    asked ??= new Promise<void>((resolve, reject) => {
      const over = (): void => {
        asked = undefined;
        proofAsked.set(undefined);
      };
      proofAsked.set({
        by,
        given: () => (over(), resolve()),
        declined: () => (over(), reject(new DOMException('no proof was given', 'AbortError'))),
      });
    });
    return asked;
  };
  return {
    proofAsked,
    api: async (path, call) => {
      try {
        return await api(path, call);
      } catch (error) {
        if (codeOf(error) !== 'proof-needed') throw error;
        const by = error instanceof Problem ? error.details['by'] : undefined;
        await ask(Array.isArray(by) ? (by as ProofMethod[]) : ['password']);
        return api(path, call);
      }
    },
  };
}
