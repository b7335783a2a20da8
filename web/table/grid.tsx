// The table itself. A plain <table>: keyboards, screen readers and copying work as they do everywhere.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Cell, type Column, COLUMNS, type ColumnName, label, type Row } from "./columns";
import { Filter } from "./filter";
import { compoundUrl, pictureUrl, studyUrl } from "./links";
import type { Answer } from "./protocol";
import { INITIAL, type View, withFilter } from "./view";

/** What latest.json says of each column, by name. */
export type Titles = ReadonlyMap<string, { readonly title: string; readonly meaning: string }>;

interface Props {
  readonly view: View;
  readonly answer: Answer | undefined;
  readonly titles: Titles;
  readonly change: (changes: Partial<View>) => void;
  readonly picture: (row: Row) => void;
}

export function Grid({ view, answer, titles, change, picture }: Props) {
  const [open, setOpen] = useState(false);
  const region = useRef<HTMLElement>(null);
  const columns = COLUMNS.filter(({ name }) => view.columns.includes(name));
  const title = (name: ColumnName) => titles.get(name)?.title ?? name;
  // Made anew for a new answer only, not for every key that is pressed
  const body = useMemo(
    () => (
      <tbody>
        {answer?.rows.map((row, index) => (
          <tr key={`${row.cid} ${row.nct_id}`} aria-rowindex={(answer.page - 1) * view.size + index + 2}>
            {columns.map((column) => (
              <td key={column.name} class={`kind-${column.kind} is-${column.name}`} data-title={title(column.name)}>
                <div>
                  <Value column={column} row={row} picture={picture} />
                </div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    ),
    [answer, view.columns, titles],
  );
  useEffect(() => {
    if (region.current) region.current.scrollTop = 0;
  }, [answer?.page, view.search, view.filters, view.sort]);
  return (
    <>
      <button class="narrow" aria-expanded={open} aria-controls="head" onClick={() => setOpen(!open)}>
        Sort and filter
      </button>
      <section ref={region} class="grid" aria-label="Rows" tabIndex={0}>
        <table aria-rowcount={answer ? answer.count + 1 : -1}>
          <thead id="head" class={open ? "open" : ""}>
            <tr class="titles">
              {columns.map((column) => (
                <Title
                  key={column.name}
                  column={column}
                  title={title(column.name)}
                  meaning={titles.get(column.name)?.meaning ?? ""}
                  view={view}
                  change={change}
                />
              ))}
            </tr>
            <tr class="filters">
              {columns.map((column) => (
                <td key={column.name} class={`kind-${column.kind} is-${column.name}`}>
                  <Filter
                    column={column}
                    title={title(column.name)}
                    values={view.filters[column.name] ?? []}
                    codes={answer?.facets[column.name] ?? []}
                    change={(values) => change({ filters: withFilter(view.filters, column.name, values) })}
                  />
                </td>
              ))}
            </tr>
          </thead>
          {body}
        </table>
        {answer?.count === 0 && answer.of > 0 && (
          <p class="empty">Nothing found. Every word and every filter must match; try fewer.</p>
        )}
      </section>
    </>
  );
}

interface TitleProps {
  readonly column: Column;
  readonly title: string;
  readonly meaning: string;
  readonly view: View;
  readonly change: (changes: Partial<View>) => void;
}

function Title({ column: { name, kind }, title, meaning, view, change }: TitleProps) {
  const sorted = view.sort.column === name ? (view.sort.descending ? "descending" : "ascending") : "none";
  // Once up, once down, then as at first
  const next = {
    none: { column: name, descending: false },
    ascending: { column: name, descending: true },
    descending: INITIAL.sort.column === name ? { column: name, descending: false } : INITIAL.sort,
  };
  return (
    <th scope="col" aria-sort={sorted} class={`kind-${kind} is-${name}`}>
      <button title={meaning} onClick={() => change({ sort: next[sorted] })}>
        {title}
        <span aria-hidden="true" class="arrow">
          {{ none: "↕", ascending: "↑", descending: "↓" }[sorted]}
        </span>
      </button>
    </th>
  );
}

function Value({ column, row, picture }: { column: Column; row: Row; picture: (row: Row) => void }) {
  const value = row[column.name];
  if (column.name === "cid") return <Link url={compoundUrl(value)} text={String(value)} />;
  if (column.name === "nct_id") return <Link url={studyUrl(value)} text={String(value)} />;
  if (column.name === "compound_name") {
    return (
      <>
        <span class="name">{value ?? "Unnamed"}</span>
        <PictureLink row={row} picture={picture} />
      </>
    );
  }
  if (value === null) return <Nothing />;
  if (isList(value)) return <List items={value} />;
  if (column.kind === "pick") return <span class={column.name === "phase" ? "tag" : ""}>{label(String(value))}</span>;
  return <>{value}</>;
}

function Nothing() {
  return (
    <span class="nothing" role="img" aria-label="none">
      –
    </span>
  );
}

function Link({ url, text }: { url: string | null; text: string }) {
  if (url === null) return <>{text}</>;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      {text}
    </a>
  );
}

/** A link to the picture, which a plain click shows on the page instead. */
function PictureLink({ row, picture }: { row: Row; picture: (row: Row) => void }) {
  const url = pictureUrl(row.cid);
  if (url === null) return null;
  const show = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    picture(row);
  };
  return (
    <a
      class="picture"
      href={url}
      target="_blank"
      rel="noopener noreferrer"
      aria-haspopup="dialog"
      aria-label={`Structure of ${row.compound_name ?? row.cid}`}
      onClick={show}
    >
      structure
    </a>
  );
}

const SHORT = 3;

function List({ items }: { items: readonly string[] }) {
  const [all, setAll] = useState(false);
  const hidden = items.length - SHORT;
  return (
    <>
      {(all ? items : items.slice(0, SHORT)).join("; ")}{" "}
      {hidden > 0 && (
        <button class="more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "less" : `+${hidden} more`}
        </button>
      )}
    </>
  );
}

function isList(value: Cell): value is readonly string[] {
  return Array.isArray(value);
}
