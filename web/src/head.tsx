// What this is, how old it is, and the whole table to take away.
import type { Latest } from "./latest";
import { age, counted, size, time } from "./text";

export function Head({ latest, now }: { latest: Latest | undefined; now: number }) {
  return (
    <header>
      <h1>Compounds in clinical trials</h1>
      {latest && (
        <>
          <dl id="version">
            <div>
              <dt>Data of</dt>
              <dd>
                <time dateTime={latest.as_of}>{time(latest.as_of)}</time>{" "}
                <strong id="age">{age(now - Date.parse(latest.as_of))} old</strong>
              </dd>
            </div>
            <div>
              <dt>Version</dt>
              <dd title={`Published ${time(latest.published_at)}`}>{latest.version}</dd>
            </div>
            <div>
              <dt>Size</dt>
              <dd>{counted(latest.rows, "row")}</dd>
            </div>
            <div>
              <dt>Whole table</dt>
              <dd>
                <a href={latest.files.csv.path} download>
                  CSV <small>{size(latest.files.csv.bytes)}</small>
                </a>{" "}
                <a href={latest.files.jsonl.path} download>
                  JSONL <small>{size(latest.files.jsonl.bytes)}</small>
                </a>
              </dd>
            </div>
          </dl>
        </>
      )}
    </header>
  );
}
