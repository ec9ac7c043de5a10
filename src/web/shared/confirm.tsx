import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Form } from './form.tsx';
import { Button } from './controls.tsx';
import { useSharedText } from './text/shared.ts';

/**
 * Asks before something that cannot be undone. The browser's own modal dialog: it holds the focus, closes by Escape and
 * gives the focus back. Show it to open it; `onClose` is called when it is over, whether done or not.
 */
export function Confirm({
  title,
  children,
  action,
  onConfirm,
  onClose,
}: {
  title: string;
  children: ComponentChildren;
  action: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}): JSX.Element {
  const t = useSharedText();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = async (): Promise<void> => {
    await onConfirm();
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      <Form
        submit={action}
        submitKind="danger"
        onSubmit={confirm}
        more={
          <Button autofocus onClick={() => dialog.current?.close()}>
            {t.cancel}
          </Button>
        }
      >
        {children}
      </Form>
    </dialog>
  );
}
