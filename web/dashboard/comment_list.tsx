// Search in the comments, and what was found, newest first.
import { Failure } from "../shared/notices";
import { counted, number } from "../shared/text";
import { type Entity, MOODS, UNSCORED } from "./figures";
import { postUrl } from "./links";
import { dateName, moment, moodName, platformName, sentiment } from "./names";
import type { Comment, Found, Query } from "./protocol";
import { Section } from "./section";
import { NO_QUERY } from "./view";

interface Props {
  readonly query: Query;
  readonly found: Found | undefined;
  readonly failure: string | undefined;
  readonly retry: () => void;
  readonly platforms: readonly string[];
  readonly entities: readonly Entity[];
  readonly nameOf: (entity: string) => string;
  readonly change: (changes: Partial<Query>) => void;
  readonly more: () => void;
}

export function CommentList({ query, found, failure, retry, platforms, entities, nameOf, change, more }: Props) {
  const narrowed = Object.values(query).some(Boolean);
  const current = found && JSON.stringify(found.query) === JSON.stringify(query) ? found : undefined;
  return (
    <Section id="comments" title="Comments">
      <div class="filters">
        <search>
          <label class="hidden" for="search">
            Search the texts of comments
          </label>
          <input
            id="search"
            type="search"
            placeholder={'Search: love "season finale"'}
            autocomplete="off"
            spellcheck={false}
            value={query.search}
            onInput={({ currentTarget }) => change({ search: currentTarget.value })}
          />
        </search>
        <Pick id="platform" name="Platform" value={query.platform} of={platforms.map((each) => [each, platformName(each)])} change={(platform) => change({ platform })} />
        <Pick id="entity" name="Entity" value={query.entity} of={entities.map((each) => [each.entity_id, each.name])} change={(entity) => change({ entity })} />
        <Pick id="mood" name="Sentiment" value={query.mood} of={[...MOODS, ...UNSCORED].map((each) => [each, moodName(each)])} change={(mood) => change({ mood })} />
        <label>
          From{" "}
          <input id="from" type="date" value={query.from} onChange={({ currentTarget }) => change({ from: currentTarget.value })} />
        </label>
        <label>
          Until <input id="to" type="date" value={query.to} onChange={({ currentTarget }) => change({ to: currentTarget.value })} />
        </label>
        {query.post && (
          <button class="chip" aria-label="Comments of every post" onClick={() => change({ post: "" })}>
            One post ✕
          </button>
        )}
        {narrowed && (
          <button id="reset" onClick={() => change(NO_QUERY)}>
            Clear
          </button>
        )}
      </div>
      <p id="count" role="status">
        {failure ? "" : current ? said(current) : "Searching…"}
      </p>
      {current && !current.finished && !failure && <progress aria-label="Parts searched" max={current.parts} value={current.searched} />}
      {failure && (
        <Failure retry={retry}>
          <strong>Some comments could not be loaded</strong>, so the search ended early. {failure}
        </Failure>
      )}
      <ol class="comments" aria-busy={!current?.finished}>
        {(current ?? found)?.comments.map((comment, i) => <Item key={i} comment={comment} nameOf={nameOf} />)}
      </ol>
      {current?.finished && current.count === 0 && !failure && <p class="empty">No comment was found.</p>}
      {current?.finished && !failure && (current.count > current.comments.length || current.searched < current.parts) && (
        <button id="more" class="all" onClick={more}>
          Show more
        </button>
      )}
    </Section>
  );
}

function Item({ comment, nameOf }: { comment: Comment; nameOf: (entity: string) => string }) {
  const url = postUrl(comment.platform, comment.url);
  const subject = comment.subject || "post";
  return (
    <li>
      <p class="text" dir="auto">
        {comment.text ?? <em class="nothing">No text</em>}
        {comment.characters !== null && <small> … (cut: {counted(comment.characters, "character")} in all)</small>}
      </p>
      <p class="about">
        <span class={`mood ${comment.mood}`}>
          {moodName(comment.mood)}
          {comment.sentiment !== null && ` ${sentiment(comment.sentiment)}`}
        </span>
        <span>{platformName(comment.platform)}</span>
        <span>{comment.created === null ? "No time given" : moment(comment.created)}</span>
        {comment.likes !== null && <span>{counted(comment.likes, "like")}</span>}
        {comment.reply && <span>Reply</span>}
        {comment.vanished && <span>Vanished since</span>}
        <span class="under">
          {url ? (
            <a href={url} rel="noopener noreferrer external">
              <bdi>{subject}</bdi>
            </a>
          ) : (
            <bdi>{subject}</bdi>
          )}
        </span>
        {comment.entities.map((entity) => (
          <span key={entity} class="tag">
            <bdi>{nameOf(entity)}</bdi>
          </span>
        ))}
      </p>
    </li>
  );
}

interface PickProps {
  readonly id: string;
  readonly name: string;
  readonly value: string;
  readonly of: readonly (readonly [value: string, name: string])[];
  readonly change: (value: string) => void;
}

function Pick({ id, name, value, of, change }: PickProps) {
  return (
    <label>
      <span class="hidden">{name}</span>
      <select id={id} value={value} onChange={({ currentTarget }) => change(currentTarget.value)}>
        <option value="">{`${name}: any`}</option>
        {value && !of.some(([each]) => each === value) && <option value={value}>{value}</option>}
        {of.map(([each, title]) => (
          <option key={each} value={each}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

/** How many there are, or what is known of it before every part was read. */
function said({ count, total, searched, parts, reached, comments, finished }: Found): string {
  const all = total ?? (searched === parts && finished ? count : null);
  if (all !== null) return counted(all, "comment") + (comments.length < all ? `, the newest ${number(comments.length)} shown` : "");
  const back = reached === null ? "" : `, searched back to ${dateName(new Date(reached).toISOString())}`;
  return `${counted(finished ? comments.length : count, "comment")} found${back}${finished ? "" : "…"}`;
}
