// Entities that rise together.
import { number } from "../shared/text";
import type { Post, Storyline } from "./figures";
import { platformName, sentiment } from "./names";
import { Section } from "./section";

interface Props {
  readonly storylines: readonly Storyline[];
  readonly posts: readonly Post[];
  readonly read: (storyline: Storyline) => void;
}

export function Storylines({ storylines, posts, read }: Props) {
  return (
    <Section id="storylines" title="Storylines" note="Entities that rise together.">
      {storylines.length === 0 ? (
        <p class="empty">No entities rose together in this week.</p>
      ) : (
        <ol class="list">
          {storylines.map((story) => (
            <li key={story.rank}>
              <div class="caption">
                <strong>
                  {story.names.map((name, i) => (
                    <span key={story.entities[i]}>
                      {i > 0 && " + "}
                      <bdi>{name}</bdi>
                    </span>
                  ))}
                </strong>
                <span title="Average sentiment">{sentiment(story.average_sentiment)}</span>
              </div>
              <p>
                {number(story.comments)} comments, {story.growth.toFixed(1)} times the usual
                {story.terms.length > 0 && (
                  <>
                    :{" "}
                    {story.terms.map((term) => (
                      <span key={term} class="tag">
                        <bdi>{term}</bdi>
                      </span>
                    ))}
                  </>
                )}
              </p>
              <p>
                <small>
                  Most under {about(story, posts)} on {platformName(story.platform)}
                </small>
              </p>
              <button aria-label={`Comments on ${story.names.join(" and ")}`} onClick={() => read(story)}>
                Comments
              </button>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}

function about(story: Storyline, posts: readonly Post[]) {
  const post = posts.find(({ platform, post_id }) => platform === story.platform && post_id === story.post_id);
  const subject = post?.subject || post?.caption;
  return subject ? <bdi>“{subject.slice(0, 80)}”</bdi> : <bdi>post {story.post_id}</bdi>;
}
