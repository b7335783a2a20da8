// What the reader must know before trusting what they see.
import type { ComponentChildren } from "preact";
import type { Pointer } from "./site";
import { age } from "./text";

const HOUR = 3_600_000;

interface FailureProps {
  readonly children: ComponentChildren;
  readonly retry: () => void;
}

export function Failure({ children, retry }: FailureProps) {
  return (
    <p class="notice failure" role="alert">
      <span>{children}</span>
      <button onClick={retry}>Try again</button>
    </p>
  );
}

export function Stale({ latest, now, due }: { latest: Pointer; now: number; due: string }) {
  const old = now - Date.parse(latest.as_of);
  if (old <= latest.stale_after_hours * HOUR) return null;
  return (
    <p class="notice stale" role="status">
      <span>
        <strong>This data is {age(old)} old.</strong> A newer version is due every {due} and has not come; what you see
        is the last version that passed its checks.
      </span>
      <button onClick={() => location.reload()}>Look for a newer one</button>
    </p>
  );
}
