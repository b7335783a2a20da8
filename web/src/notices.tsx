// What the reader must know before trusting what they see.
import type { Latest } from "./latest";
import { age, number } from "./text";

const HOUR = 3_600_000;

interface Props {
  readonly latest: Latest | undefined;
  readonly now: number;
  readonly unavailable: string | undefined;
  readonly failures: readonly string[];
  readonly loaded: number;
  readonly retry: () => void;
}

export function Notices({ latest, now, unavailable, failures, loaded, retry }: Props) {
  const old = latest ? now - Date.parse(latest.as_of) : 0;
  return (
    <div id="notices">
      {!latest && !unavailable && <p class="fallback">Loading the table…</p>}
      {unavailable && (
        <p class="notice failure" role="alert">
          <span>
            <strong>The table could not be loaded.</strong> {unavailable}
          </span>
          <button onClick={retry}>Try again</button>
        </p>
      )}
      {latest && failures.length > 0 && (
        <p class="notice failure" role="alert">
          <span>
            <strong>
              {number(latest.rows - loaded)} of {number(latest.rows)} rows could not be loaded
            </strong>{" "}
            and are missing below. {failures[0]}
            {failures.length > 1 && ` (and ${failures.length - 1} more)`}
          </span>
          <button onClick={retry}>Try again</button>
        </p>
      )}
      {latest && old > latest.stale_after_hours * HOUR && (
        <p class="notice stale" role="status">
          <span>
            <strong>This data is {age(old)} old.</strong> A newer version is due every {latest.stale_after_hours} hours
            and has not come; what you see is the last version that passed its checks.
          </span>
          <button onClick={() => location.reload()}>Look for a newer one</button>
        </p>
      )}
    </div>
  );
}
