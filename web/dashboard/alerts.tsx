// Entities whose sentiment moved fast: the last 72 hours of the week against the 72 before.
import { useState } from "preact/hooks";
import { number } from "../shared/text";
import type { Alert } from "./figures";
import { sentiment, signed } from "./names";
import { More, Section } from "./section";

const FEW = 8;

export function Alerts({ alerts, read }: { alerts: readonly Alert[]; read: (entity: string) => void }) {
  const [all, setAll] = useState(false);
  return (
    <Section id="alerts" title="Velocity alerts" note="The last 72 hours of the week against the 72 before.">
      {alerts.length === 0 ? (
        <p class="empty">No entity’s sentiment moved fast in this week.</p>
      ) : (
        <ul class="list">
          {(all ? alerts : alerts.slice(0, FEW)).map((alert) => (
            <li key={alert.entity_id} class={alert.level === "critical" ? "alert critical" : "alert"}>
              <div class="caption">
                <strong>
                  <span aria-hidden="true">{alert.direction === "up" ? "▲" : "▼"}</span> <bdi>{alert.name}</bdi>
                </strong>
                <span class={`level ${alert.level}`}>{alert.level}</span>
                <span class={alert.direction === "up" ? "rising" : "falling"}>{signed(alert.change_percent, 0)} %</span>
              </div>
              <p>
                {sentiment(alert.earlier_sentiment)} → {sentiment(alert.recent_sentiment)}{" "}
                <small>
                  ({number(alert.earlier_comments)}, then {number(alert.recent_comments)} scored comments)
                </small>
              </p>
              <button aria-label={`Comments on ${alert.name}`} onClick={() => read(alert.entity_id)}>
                Comments
              </button>
            </li>
          ))}
        </ul>
      )}
      <More number={alerts.length} few={FEW} all={all} change={setAll} />
    </Section>
  );
}
