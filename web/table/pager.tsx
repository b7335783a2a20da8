// Which page of the rows found, and how many rows a page has.
import type { Answer } from "./protocol";
import { number } from "../shared/text";
import { SIZES, type View } from "./view";

interface Props {
  readonly view: View;
  readonly answer: Answer | undefined;
  readonly change: (changes: Partial<View>) => void;
}

export function Pager({ view, answer, change }: Props) {
  const page = answer?.page ?? 1;
  const pages = Math.max(1, Math.ceil((answer?.count ?? 0) / view.size));
  const first = answer?.count ? (page - 1) * view.size + 1 : 0;
  const go = (to: number) => change({ page: Math.max(1, Math.min(pages, to)) });
  return (
    <nav aria-label="Pages">
      <span class="range">
        Rows {number(first)}–{number(Math.min(page * view.size, answer?.count ?? 0))}
      </span>
      <button aria-label="First page" disabled={page === 1} onClick={() => go(1)}>
        «
      </button>
      <button aria-label="Previous page" disabled={page === 1} onClick={() => go(page - 1)}>
        ‹
      </button>
      <label>
        Page{" "}
        <input
          id="page"
          type="number"
          min={1}
          max={pages}
          value={page}
          onChange={({ currentTarget }) => go(Number(currentTarget.value) || 1)}
        />{" "}
        of {number(pages)}
      </label>
      <button aria-label="Next page" disabled={page === pages} onClick={() => go(page + 1)}>
        ›
      </button>
      <button aria-label="Last page" disabled={page === pages} onClick={() => go(pages)}>
        »
      </button>
      <label>
        Rows a page{" "}
        <select id="size" value={view.size} onChange={({ currentTarget }) => change({ size: Number(currentTarget.value) })}>
          {SIZES.map((size) => (
            <option key={size} value={size}>
              {size}
            </option>
          ))}
        </select>
      </label>
    </nav>
  );
}
