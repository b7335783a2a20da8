// One column's filter, by what the column holds.
import { type Column, label } from "./columns";
import { Popover } from "../shared/popover";
import { number } from "../shared/text";

interface Props {
  readonly column: Column;
  readonly title: string;
  readonly values: readonly string[];
  /** The codes of a pick-list and how many rows would be found with each. */
  readonly codes: readonly (readonly [code: string, rows: number])[];
  readonly change: (values: readonly string[]) => void;
}

export function Filter(props: Props) {
  switch (props.column.kind) {
    case "pick":
      return <Pick {...props} />;
    case "date":
      return <Range {...props} />;
    default:
      return <Contains {...props} />;
  }
}

function Contains({ column, title, values, change }: Props) {
  return (
    <label>
      <span class="label">{title}</span>
      <input
        id={`filter-${column.name}`}
        type="search"
        placeholder="contains"
        aria-label={`${title} contains`}
        autocomplete="off"
        spellcheck={false}
        value={values[0] ?? ""}
        onInput={({ currentTarget }) => change([currentTarget.value])}
      />
    </label>
  );
}

function Range({ column, title, values, change }: Props) {
  const [from = "", to = ""] = values;
  const chosen = from && to ? `${from} – ${to}` : from ? `from ${from}` : to ? `until ${to}` : "any";
  return (
    <>
      <span class="label">{title}</span>
      <Popover id={`filter-${column.name}`} label={chosen} name={`${title}: ${chosen}`}>
        <label>
          From
          <input type="date" value={from} onChange={({ currentTarget }) => change([currentTarget.value, to])} />
        </label>
        <label>
          Until
          <input type="date" value={to} onChange={({ currentTarget }) => change([from, currentTarget.value])} />
        </label>
        {chosen !== "any" && <button onClick={() => change([])}>Any</button>}
      </Popover>
    </>
  );
}

function Pick({ column, title, values, codes, change }: Props) {
  const chosen = values.length === 1 ? label(values[0] || null) : values.length ? `${values.length} chosen` : "any";
  return (
    <>
      <span class="label">{title}</span>
      <Popover id={`filter-${column.name}`} label={chosen} name={`${title}: ${chosen}`}>
        {codes.map(([code, rows]) => (
          <label key={code}>
            <input
              type="checkbox"
              value={code}
              checked={values.includes(code)}
              onChange={() => change(values.includes(code) ? values.filter((other) => other !== code) : [...values, code])}
            />
            {label(code || null)}
            <span class="rows">{number(rows)}</span>
          </label>
        ))}
        {values.length > 0 && <button onClick={() => change([])}>Any</button>}
      </Popover>
    </>
  );
}
