import { type ComponentChildren, createContext, type JSX, type TargetedEvent } from 'preact';
import { useContext, useId, useRef, useState } from 'preact/hooks';
import { isAbort } from '../../kit/runtime/errors.ts';
import { Button, type ButtonKind } from './controls.tsx';
import { ProblemNotice } from './notice.tsx';
import { problemText } from './problem-text.ts';
import { useSharedText } from './text/shared.ts';

export type FormValues = Record<string, string>;

/** Error texts by field name. */
const FieldErrors = createContext<Readonly<Record<string, string>>>({});

/**
 * A form that says what is wrong beside the field it is about, and moves the focus there. Its fields are the ones below,
 * read by name when it is sent; empty required ones are found before anything is sent.
 */
export function Form({
  onSubmit,
  submit,
  submitKind = 'primary',
  fieldOf,
  more,
  children,
}: {
  onSubmit: (values: FormValues) => Promise<void>;
  submit: string;
  submitKind?: ButtonKind;
  /** The field that a refusal is about, by its code; those of no field stand below the fields. */
  fieldOf?: Readonly<Record<string, string>>;
  /** Beside the button. */
  more?: ComponentChildren;
  children?: ComponentChildren;
}): JSX.Element {
  const t = useSharedText();
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [missing, setMissing] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState<unknown>();

  const about = problem === undefined ? undefined : fieldOf?.[codeIn(problem)];
  const errors = Object.fromEntries([
    ...missing.map((name) => [name, t.missing]),
    ...(about === undefined ? [] : [[about, problemText(problem, t)]]),
  ]) as Record<string, string>;

  const focus = (name: string | undefined): void => {
    const field = name === undefined ? undefined : form.current?.elements.namedItem(name);
    // Drawn first, so that the error text is there when the field is read out.
    if (field instanceof HTMLElement) requestAnimationFrame(() => field.focus());
  };

  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (busy || form.current === null) return;
    const values = valuesOf(form.current);
    const empty = emptyFields(form.current);
    setMissing(empty);
    setProblem(undefined);
    if (empty.length > 0) return focus(empty[0]);
    setBusy(true);
    try {
      await onSubmit(values);
    } catch (error) {
      if (isAbort(error)) return;
      setProblem(error);
      focus(fieldOf?.[codeIn(error)]);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form ref={form} noValidate onSubmit={(event) => void send(event)}>
      <FieldErrors.Provider value={errors}>{children}</FieldErrors.Provider>
      {about === undefined && <ProblemNotice problem={problem} />}
      <div class="actions">
        <Button type="submit" kind={submitKind} busy={busy}>
          {submit}
        </Button>
        {more}
      </div>
    </form>
  );
}

function codeIn(problem: unknown): string {
  return problem instanceof Error && 'code' in problem ? String(problem.code) : '';
}

function valuesOf(form: HTMLFormElement): FormValues {
  return Object.fromEntries(
    [...new FormData(form)].flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

function emptyFields(form: HTMLFormElement): string[] {
  return [...form.elements].flatMap((element) =>
    element instanceof HTMLInputElement && element.required && element.value.trim() === ''
      ? [element.name]
      : [],
  );
}

export interface FieldProps {
  name: string;
  label: string;
  hint?: string;
  value?: string;
  required?: boolean;
  autocomplete?: string;
  maxLength?: number;
  /** Codes and addresses: no spelling, no capitals put in by a phone. */
  verbatim?: boolean;
}

/** One line of text, with its label, a hint and, when it was wrong, why. */
export function TextField(props: FieldProps): JSX.Element {
  return <LabelledInput {...props} type="text" />;
}

/** Six digits of an authenticator app, which a browser may fill in by itself. */
export function CodeField({ label, hint }: { label: string; hint: string }): JSX.Element {
  return (
    <LabelledInput
      name="code"
      label={label}
      hint={hint}
      type="text"
      autocomplete="one-time-code"
      inputMode="numeric"
      maxLength={16}
      verbatim
    />
  );
}

/** A password, which can be made visible to check what was typed. */
export function PasswordField(props: FieldProps): JSX.Element {
  const t = useSharedText();
  const [visible, setVisible] = useState(false);
  return (
    <LabelledInput {...props} verbatim type={visible ? 'text' : 'password'}>
      <Button
        aria-pressed={visible}
        aria-label={`${visible ? t.hide : t.show}: ${props.label}`}
        onClick={() => setVisible(!visible)}
      >
        {visible ? t.hide : t.show}
      </Button>
    </LabelledInput>
  );
}

/** A file of this computer, which the page is given; a form's own values are texts. */
export function FileField({
  onChoose,
  ...props
}: FieldProps & { accept: string; onChoose: (file: File | undefined) => void }): JSX.Element {
  return (
    <LabelledInput {...props} type="file" onChange={(event) => onChoose(event.currentTarget.files?.[0])} />
  );
}

const asTyped = { autocapitalize: 'none', autocorrect: 'off', spellcheck: false } as const;

function LabelledInput({
  label,
  hint,
  verbatim = false,
  required = true,
  type,
  children,
  ...input
}: FieldProps & {
  type: 'text' | 'password' | 'file';
  accept?: string;
  inputMode?: 'numeric';
  onChange?: (event: TargetedEvent<HTMLInputElement>) => void;
  children?: ComponentChildren;
}): JSX.Element {
  const id = useId();
  const error = useContext(FieldErrors)[input.name];
  const described = [hint === undefined ? '' : `${id}-hint`, error === undefined ? '' : `${id}-error`];
  const attributes = {
    ...input,
    id,
    required,
    'aria-invalid': error !== undefined,
    'aria-describedby': described.join(' ').trim() || undefined,
    ...(verbatim ? asTyped : {}),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <div class="input">
        {type === 'text' ? <input {...attributes} type="text" /> : <input {...attributes} type={type} />}
        {children}
      </div>
      {error !== undefined && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

export interface Choice {
  value: string;
  label: string;
  hint?: string;
}

/** One of a few, all visible. */
export function Choices({
  name,
  legend,
  choices,
  value,
}: {
  name: string;
  legend: string;
  choices: readonly Choice[];
  value: string;
}): JSX.Element {
  const id = useId();
  return (
    <fieldset class="choices">
      <legend>{legend}</legend>
      {choices.map((choice) => (
        <label key={choice.value}>
          <input
            type="radio"
            name={name}
            value={choice.value}
            defaultChecked={choice.value === value}
            aria-describedby={choice.hint === undefined ? undefined : `${id}-${choice.value}`}
          />
          <span>
            {choice.label}
            {choice.hint !== undefined && (
              <small id={`${id}-${choice.value}`} class="hint">
                {choice.hint}
              </small>
            )}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
