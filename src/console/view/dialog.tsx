/** A question that wants an answer before anything else: Escape closes it, Enter submits it, focus goes back to where it came from. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly onSubmit: () => void;
  readonly children: ComponentChildren;
  /** The buttons. */
  readonly actions: ComponentChildren;
}

export function Dialog({ title, onClose, onSubmit, children, actions }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    element.current?.showModal();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <h2 id={id}>{title}</h2>
        <div class="dialog-body">{children}</div>
        <div class="dialog-actions">{actions}</div>
      </form>
    </dialog>
  );
}

interface ReasonProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
}

/** Goes into the history, so that the next operator knows. */
export function Reason({ value, onInput }: ReasonProps) {
  return (
    <label class="field">
      <span>Reason, for the history</span>
      <input
        name="reason"
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        placeholder="ticket, or why now"
        autocomplete="off"
        maxLength={500}
        required
        autofocus
      />
    </label>
  );
}
