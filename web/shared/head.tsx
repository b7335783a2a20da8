// What this is, of which version and how old.
import type { ComponentChildren } from "preact";
import type { Pointer } from "./site";
import { age, time } from "./text";

interface Props {
  readonly title: string;
  readonly latest: Pointer | undefined;
  readonly now: number;
  /** More of the version, as pairs of dt and dd in a div each. */
  readonly children?: ComponentChildren;
}

export function Head({ title, latest, now, children }: Props) {
  return (
    <header>
      <h1>{title}</h1>
      {latest && (
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
          {children}
        </dl>
      )}
    </header>
  );
}
