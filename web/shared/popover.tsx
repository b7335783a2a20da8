// A button that opens a panel of choices below it; the browser closes it at Escape or a click elsewhere.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

const MARGIN = 8;

interface Props {
  readonly id: string;
  readonly label: ComponentChildren;
  /** What the button is called where its text does not say it. */
  readonly name?: string;
  readonly children: ComponentChildren;
}

export function Popover({ id, label, name, children }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const place = (panel: HTMLElement) => {
    const { left, bottom, top } = (button.current as HTMLElement).getBoundingClientRect();
    const room = { right: innerWidth - panel.offsetWidth - MARGIN, bottom: innerHeight - panel.offsetHeight - MARGIN };
    const below = bottom + panel.offsetHeight + MARGIN <= innerHeight;
    panel.style.left = `${Math.max(MARGIN, Math.min(left, room.right))}px`;
    panel.style.top = `${Math.max(MARGIN, below ? bottom + 4 : Math.min(top - panel.offsetHeight - 4, room.bottom))}px`;
  };
  return (
    <>
      <button ref={button} type="button" class="opens" popovertarget={id} aria-label={name}>
        {label}
      </button>
      <div
        id={id}
        popover="auto"
        role="group"
        aria-label={name ?? (typeof label === "string" ? label : undefined)}
        class="panel"
        onToggle={(event) => {
          const panel = event.currentTarget;
          if (!panel.matches(":popover-open")) return;
          place(panel);
          panel.querySelector("input")?.focus({ preventScroll: true });
        }}
      >
        {children}
      </div>
    </>
  );
}
