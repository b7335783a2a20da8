// What the reader must know before trusting what they see.
import { Failure, Stale } from "../shared/notices";
import { number } from "../shared/text";
import type { Latest } from "./latest";

interface Props {
  readonly latest: Latest | undefined;
  readonly now: number;
  readonly unavailable: string | undefined;
  readonly failures: readonly string[];
  readonly loaded: number;
  readonly retry: () => void;
}

export function Notices({ latest, now, unavailable, failures, loaded, retry }: Props) {
  return (
    <div id="notices">
      {!latest && !unavailable && <p class="fallback">Loading the table…</p>}
      {unavailable && (
        <Failure retry={retry}>
          <strong>The table could not be loaded.</strong> {unavailable}
        </Failure>
      )}
      {latest && failures.length > 0 && (
        <Failure retry={retry}>
          <strong>
            {number(latest.rows - loaded)} of {number(latest.rows)} rows could not be loaded
          </strong>{" "}
          and are missing below. {failures[0]}
          {failures.length > 1 && ` (and ${failures.length - 1} more)`}
        </Failure>
      )}
      {latest && <Stale latest={latest} now={now} due={`${latest.stale_after_hours} hours`} />}
    </div>
  );
}
