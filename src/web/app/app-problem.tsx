import type { JSX } from 'preact';
import { codeOf } from '../../kit/runtime/errors.ts';
import { Notice } from '../shared/notice.tsx';
import { problemText } from '../shared/problem-text.ts';
import { useSharedText } from '../shared/text/shared.ts';
import { useAppText } from './text/app.ts';

/** Any error in the person's words: the app's own for what only it can meet. */
export function AppProblem({ problem }: { problem: unknown }): JSX.Element {
  const shared = useSharedText();
  const own = useAppText().problems;
  const code = codeOf(problem);
  const sentence = Object.hasOwn(own, code) ? own[code as keyof typeof own] : problemText(problem, shared);
  return <Notice tone="error">{sentence}</Notice>;
}
