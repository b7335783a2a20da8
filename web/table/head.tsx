// What this is, how old it is, and the whole table to take away.
import { Head as Shared } from "../shared/head";
import { counted, size } from "../shared/text";
import type { Latest } from "./latest";

export function Head({ latest, now }: { latest: Latest | undefined; now: number }) {
  return (
    <Shared title="Compounds in clinical trials" latest={latest} now={now}>
      {latest && (
        <>
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
        </>
      )}
    </Shared>
  );
}
