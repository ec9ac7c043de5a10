import type { ComponentChildren, JSX } from 'preact';
import { isAbort } from '../../kit/runtime/errors.ts';
import { Button } from './controls.tsx';
import type { Loaded } from './loading.ts';
import { problemText } from './problem-text.ts';
import { useSharedText } from './text/shared.ts';

export type Tone = 'info' | 'good' | 'warning' | 'error';

const marks: Record<Tone, string> = { info: 'i', good: '✓', warning: '!', error: '!' };

/** Something to know. An error interrupts a screen reader, the others wait for a pause. */
export function Notice({
  tone = 'info',
  children,
}: {
  tone?: Tone;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice ${tone}`} role={tone === 'error' ? 'alert' : 'status'}>
      <span class="mark" aria-hidden="true">
        {marks[tone]}
      </span>
      <div>{children}</div>
    </div>
  );
}

/** What has been done. Its place is there before it, so that a screen reader notices when it is filled. */
export function Done({ children }: { children: string | undefined }): JSX.Element {
  return (
    <div class="live" aria-live="polite">
      {children !== undefined && (
        <p class="notice good">
          <span class="mark" aria-hidden="true">
            {marks.good}
          </span>
          {children}
        </p>
      )}
    </div>
  );
}

/** Any error, in the person's words; nothing when it was the person who called it off. */
export function ProblemNotice({ problem }: { problem: unknown }): JSX.Element | null {
  const t = useSharedText();
  return problem === undefined || isAbort(problem) ? null : (
    <Notice tone="error">{problemText(problem, t)}</Notice>
  );
}

/** Something that takes a moment. */
export function Waiting({ children }: { children?: ComponentChildren }): JSX.Element {
  const t = useSharedText();
  return (
    <p class="waiting" role="status">
      <span class="spinner" aria-hidden="true" />
      {children ?? t.loading}
    </p>
  );
}

/** What was loaded, or that it is being loaded, or why not with a way to try again. */
export function LoadedView<T>({
  loaded,
  children,
}: {
  loaded: Loaded<T>;
  children: (value: T) => ComponentChildren;
}): JSX.Element {
  const t = useSharedText();
  const { value, problem, again } = loaded;
  return (
    <>
      {problem !== undefined && (
        <>
          <ProblemNotice problem={problem} />
          <p>
            <Button onClick={again}>{t.again}</Button>
          </p>
        </>
      )}
      {value !== undefined ? children(value) : problem === undefined && <Waiting />}
    </>
  );
}
