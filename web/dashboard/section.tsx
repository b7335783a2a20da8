// A section of the page, which can be gone to.
import type { ComponentChildren } from "preact";
import { number as inWords } from "../shared/text";

interface Props {
  readonly id: string;
  readonly title: string;
  readonly note?: string;
  readonly tools?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ id, title, note, tools, children }: Props) {
  return (
    <section id={id} tabIndex={-1} aria-labelledby={`${id}-title`} class="card">
      <div class="top">
        <h2 id={`${id}-title`}>{title}</h2>
        {tools}
        {note && <p class="note">{note}</p>}
      </div>
      {children}
    </section>
  );
}

interface MoreProps {
  /** How many there are, and how many are shown at first. */
  readonly number: number;
  readonly few: number;
  readonly all: boolean;
  readonly change: (all: boolean) => void;
}

/** Shows the rest of a list, where there is one. */
export function More({ number, few, all, change }: MoreProps) {
  if (number <= few) return null;
  return (
    <button class="all" aria-expanded={all} onClick={() => change(!all)}>
      {all ? `Show the first ${few}` : `Show all ${inWords(number)}`}
    </button>
  );
}
