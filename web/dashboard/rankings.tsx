// Whom and what people speak of, and how that moved against the week before.
import { useState } from "preact/hooks";
import { number } from "../shared/text";
import type { Ranking } from "./figures";
import { sentiment, signed } from "./names";
import { More, Section } from "./section";

const FEW = 10;

interface Props {
  readonly rankings: readonly Ranking[];
  readonly chart: readonly string[];
  /** Whether the chart has no room for another line. */
  readonly full: boolean;
  readonly draw: (entity: string) => void;
  readonly read: (entity: string) => void;
}

export function Rankings({ rankings, chart, full, draw, read }: Props) {
  const [all, setAll] = useState(false);
  const shown = all ? rankings : rankings.slice(0, FEW);
  const most = Math.max(1, ...rankings.map(({ comments }) => comments));
  return (
    <Section id="rankings" title="Rankings" note="Entities by the comments of the week that name them.">
      {rankings.length === 0 ? (
        <p class="empty">No entity was named in this week.</p>
      ) : (
        <div class="scroll">
          <table class="figures">
            <thead>
              <tr>
                <th scope="col">Rank</th>
                <th scope="col">Entity</th>
                <th scope="col">Comments</th>
                <th scope="col">Sentiment</th>
                <th scope="col" class="number">
                  Change
                </th>
                <th scope="col" class="number">
                  Weighted
                </th>
                <th scope="col" class="number">
                  Likes
                </th>
                <th scope="col">
                  <span class="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => (
                <tr key={row.entity_id}>
                  <td data-title="Rank" class="rank">
                    <strong>{row.rank ?? "–"}</strong> <Movement row={row} />
                  </td>
                  <th scope="row">
                    <bdi>{row.name}</bdi> <span class="tag">{row.monitored ? row.entity_type : "discovered"}</span>
                  </th>
                  <td data-title="Comments">
                    <Meter value={row.comments} most={most} /> {number(row.comments)}{" "}
                    <small>
                      {row.comments_before > 0
                        ? `${signed((100 * (row.comments - row.comments_before)) / row.comments_before, 0)} %`
                        : "none before"}
                    </small>
                  </td>
                  <td data-title="Sentiment">
                    <Gauge value={row.average_sentiment} /> {sentiment(row.average_sentiment)}
                  </td>
                  <td data-title="Change" class={`number ${direction(row.sentiment_change)}`}>
                    {row.sentiment_change === null ? "–" : signed(row.sentiment_change, 2)}
                  </td>
                  <td data-title="Weighted" class="number">
                    {sentiment(row.weighted_sentiment)}
                  </td>
                  <td data-title="Likes" class="number">
                    {row.total_likes === null ? "–" : number(row.total_likes)}
                  </td>
                  <td class="actions">
                    <button
                      aria-pressed={chart.includes(row.entity_id)}
                      aria-label={`Chart ${row.name}`}
                      disabled={full && !chart.includes(row.entity_id)}
                      onClick={() => draw(row.entity_id)}
                    >
                      Chart
                    </button>
                    <button aria-label={`Comments on ${row.name}`} onClick={() => read(row.entity_id)}>
                      Comments
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More number={rankings.length} few={FEW} all={all} change={setAll} />
    </Section>
  );
}

function Movement({ row }: { row: Ranking }) {
  if (row.rank === null) return <span class="move down">out</span>;
  if (row.rank_before === null) return <span class="move new">new</span>;
  const places = row.rank_change ?? 0;
  if (places === 0) return <span class="move">=</span>;
  return (
    <span class={`move ${places > 0 ? "up" : "down"}`}>
      <span class="hidden">{places > 0 ? "up" : "down"} </span>
      <span aria-hidden="true">{places > 0 ? "▲" : "▼"}</span>
      {Math.abs(places)}
    </span>
  );
}

function Meter({ value, most }: { value: number; most: number }) {
  return (
    <span class="meter" aria-hidden="true">
      <span style={{ width: `${(100 * value) / most}%` }} />
    </span>
  );
}

/** A bar to the left of the middle for a negative sentiment, to the right for a positive one. */
export function Gauge({ value }: { value: number | null }) {
  const half = Math.min(1, Math.abs(value ?? 0)) * 50;
  const at = (value ?? 0) < 0 ? 50 - half : 50;
  return (
    <span class="gauge" aria-hidden="true">
      {value !== null && <span class={value < 0 ? "negative" : "positive"} style={{ left: `${at}%`, width: `${half}%` }} />}
    </span>
  );
}

export function direction(change: number | null): string {
  return change === null || Math.abs(change) < 0.005 ? "" : change > 0 ? "rising" : "falling";
}
