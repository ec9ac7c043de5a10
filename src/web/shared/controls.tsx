import type { ButtonHTMLAttributes, ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useSharedText } from './text/shared.ts';

export type ButtonKind = 'primary' | 'plain' | 'danger';

/** While `busy` it keeps its place and the focus, says so, and does nothing. */
export function Button({
  kind = 'plain',
  busy = false,
  type = 'button',
  onClick,
  children,
  ...rest
}: {
  kind?: ButtonKind;
  busy?: boolean;
  type?: 'button' | 'submit';
  onClick?: () => void;
  children: ComponentChildren;
} & Pick<
  ButtonHTMLAttributes,
  'aria-label' | 'aria-expanded' | 'aria-controls' | 'aria-pressed' | 'autofocus'
>): JSX.Element {
  const click = (event: Event): void => {
    if (busy) event.preventDefault();
    else onClick?.();
  };
  return (
    <button {...rest} type={type} class={`button ${kind}`} aria-disabled={busy || undefined} onClick={click}>
      {busy && <span class="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}

/** Copies `text`; what happened is said by the button itself. */
export function CopyButton({ text }: { text: string }): JSX.Element {
  const t = useSharedText();
  const [copied, setCopied] = useState(false);
  const copy = (): void =>
    void navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <Button onClick={copy}>
      <span aria-live="polite">{copied ? t.copied : t.copy}</span>
    </Button>
  );
}
