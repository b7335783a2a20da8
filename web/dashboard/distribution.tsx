// How the comments of the week feel, platform by platform, and how many have no score.
import { number } from "../shared/text";
import { MOODS, type PlatformWeek, sum, UNSCORED } from "./figures";
import { moodName, percent, platformName, sentiment } from "./names";
import { Section } from "./section";

export function Distribution({ rows }: { rows: readonly PlatformWeek[] }) {
  const busy = rows.filter(({ comments }) => comments > 0).sort((a, b) => b.comments - a.comments);
  const comments = sum(busy, (row) => row.comments);
  return (
    <Section id="platforms" title="Platforms">
      {busy.length === 0 ? (
        <p class="empty">No comments in this week.</p>
      ) : (
        <>
          <ul class="bars">
            {busy.map((row) => (
              <li key={row.platform}>
                <div class="caption">
                  <strong>{platformName(row.platform)}</strong>
                  <span>
                    {number(row.comments)} <small>({percent(row.comments, comments)})</small>
                  </span>
                  <span title="Average sentiment">{sentiment(row.average_sentiment)}</span>
                </div>
                <div class="stack" role="img" aria-label={MOODS.map((mood) => `${moodName(mood)} ${percent(row[mood], row.scored)}`).join(", ")}>
                  {MOODS.map((mood) => (
                    <span
                      key={mood}
                      class={mood}
                      style={{ flexGrow: row[mood] }}
                      title={`${moodName(mood)}: ${number(row[mood])} (${percent(row[mood], row.scored)})`}
                    />
                  ))}
                </div>
                <small>
                  {percent(row.scored, row.comments)} scored
                  {UNSCORED.map((state) => (row[state] > 0 ? ` · ${moodName(state).toLowerCase()} ${number(row[state])}` : ""))}
                  {row.vanished > 0 && ` · vanished ${number(row.vanished)}`}
                </small>
              </li>
            ))}
          </ul>
          <ul class="key">
            {MOODS.map((mood) => (
              <li key={mood}>
                <span class={mood} /> {moodName(mood)}
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}
