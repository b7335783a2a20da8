// The posts under which people wrote most.
import { useState } from "preact/hooks";
import { number } from "../shared/text";
import type { Post } from "./figures";
import { postUrl } from "./links";
import { dateName, percent, platformName, sentiment } from "./names";
import { Gauge } from "./rankings";
import { More, Section } from "./section";

const FEW = 8;

export function Posts({ posts, read }: { posts: readonly Post[]; read: (post: Post) => void }) {
  const [all, setAll] = useState(false);
  const shown = all ? posts : posts.slice(0, FEW);
  return (
    <Section id="posts" title="Posts" note="By the comments of the week.">
      {posts.length === 0 ? (
        <p class="empty">No post had comments in this week.</p>
      ) : (
        <div class="scroll">
          <table class="figures">
            <thead>
              <tr>
                <th scope="col">Rank</th>
                <th scope="col">Post</th>
                <th scope="col">Platform</th>
                <th scope="col">Posted</th>
                <th scope="col" class="number">
                  Comments
                </th>
                <th scope="col">Sentiment</th>
                <th scope="col" class="number">
                  Captured
                </th>
                <th scope="col">
                  <span class="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((post) => (
                <tr key={`${post.platform} ${post.post_id}`}>
                  <td data-title="Rank" class="rank">
                    <strong>{post.rank}</strong>
                  </td>
                  <th scope="row" class="post">
                    <Title post={post} />
                    {post.subject && post.caption && (
                      <small>
                        <bdi>{post.caption}</bdi>
                      </small>
                    )}
                  </th>
                  <td data-title="Platform">{platformName(post.platform)}</td>
                  <td data-title="Posted" class="quiet">
                    {post.posted_at ? dateName(post.posted_at) : "–"}
                  </td>
                  <td data-title="Comments" class="number">
                    {number(post.comments)}
                  </td>
                  <td data-title="Sentiment">
                    <Gauge value={post.average_sentiment} /> {sentiment(post.average_sentiment)}
                  </td>
                  <td data-title="Captured" class="number" title="Comments collected so far, of the platform's own count">
                    {post.captured_percent === null ? "–" : percent(post.captured_percent, 100)}
                  </td>
                  <td class="actions">
                    <button aria-label={`Comments on post ${post.rank}`} onClick={() => read(post)}>
                      Comments
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More number={posts.length} few={FEW} all={all} change={setAll} />
    </Section>
  );
}

function Title({ post }: { post: Post }) {
  const title = post.subject || post.caption || `Post ${post.post_id}`;
  const url = postUrl(post.platform, post.url);
  return url ? (
    <a href={url} rel="noopener noreferrer external">
      <bdi>{title}</bdi>
    </a>
  ) : (
    <bdi>{title}</bdi>
  );
}
