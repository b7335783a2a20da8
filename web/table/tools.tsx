// Search, what was found, and what can be done with it.
import type { Progress } from "./app";
import { COLUMNS, type ColumnName } from "./columns";
import type { Format } from "./files";
import type { Titles } from "./grid";
import { Popover } from "../shared/popover";
import type { Answer } from "./protocol";
import { counted, number } from "../shared/text";
import { INITIAL, type View, withFilter } from "./view";

interface Props {
  readonly view: View;
  readonly answer: Answer | undefined;
  readonly total: number;
  readonly progress: Progress;
  readonly titles: Titles;
  readonly exporting: Format | undefined;
  readonly change: (changes: Partial<View>) => void;
  readonly reset: () => void;
  readonly save: (format: Format) => void;
}

export function Tools({ view, answer, total, progress, titles, exporting, change, reset, save }: Props) {
  const narrowed = view.search !== "" || Object.keys(view.filters).length > 0;
  const sorted = view.sort.column !== INITIAL.sort.column || view.sort.descending !== INITIAL.sort.descending;
  // A file with rows missing would look like the whole answer
  const complete = answer?.of === total;
  return (
    <div class="tools">
      <search>
        <label class="hidden" for="search">
          Search all columns
        </label>
        <input
          id="search"
          type="search"
          placeholder={'Search all columns: aspirin "breast cancer"'}
          autocomplete="off"
          spellcheck={false}
          value={view.search}
          onInput={({ currentTarget }) => change({ search: currentTarget.value })}
        />
      </search>
      <p id="count" role="status" aria-live={complete ? "polite" : "off"}>
        {answer && (answer.of > 0 || complete) && found(answer, total)}
      </p>
      {progress.loaded < total && !progress.finished && (
        <progress aria-label="Rows loaded" max={total} value={progress.loaded} />
      )}
      <div class="actions">
        {(narrowed || sorted) && (
          <button id="reset" onClick={reset}>
            Clear
          </button>
        )}
        <Popover label="Columns" id="columns">
          {COLUMNS.map(({ name }) => (
            <label key={name}>
              <input
                type="checkbox"
                checked={view.columns.includes(name)}
                disabled={view.columns.length === 1 && view.columns[0] === name}
                onChange={() => change(toggled(view, name))}
              />
              {titles.get(name)?.title ?? name}
            </label>
          ))}
        </Popover>
        <span class="group" role="group" aria-labelledby="save">
          <span id="save">Save {narrowed ? "rows found" : "all rows"}</span>
          {(["csv", "json"] as const).map((format) => (
            <button
              key={format}
              id={`save-${format}`}
              disabled={!complete || exporting !== undefined}
              title={complete ? undefined : "Possible once all rows are loaded"}
              onClick={() => save(format)}
            >
              {exporting === format ? "Preparing…" : format.toUpperCase()}
            </button>
          ))}
        </span>
      </div>
    </div>
  );
}

function found({ count, of }: Answer, total: number): string {
  if (of < total) return `${number(count)} of ${number(of)} loaded so far (${number(total)} in all)`;
  return count < total ? `${number(count)} of ${counted(total, "row")}` : counted(total, "row");
}

/** A column shown or hidden; what it was filtered by goes with it. */
function toggled({ columns, filters }: View, name: ColumnName): Partial<View> {
  const chosen = COLUMNS.map((column) => column.name).filter(
    (other) => columns.includes(other) !== (other === name),
  );
  return { columns: chosen, filters: withFilter(filters, name, []) };
}
