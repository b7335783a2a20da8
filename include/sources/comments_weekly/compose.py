# ruff: noqa: RUF001  (a minus as people read it)
"""The rules by which a brief is written: each sentence is a template that is filled with figures of the week's tables.

Sections stand in the order of the upstream's contract. What a rule finds nothing of, its section says so; a week
without comments has the sections alone that can say anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from include.sources.comments_weekly import tables, week
from include.sources.comments_weekly.figures import (
    Figures,
    number,
    percent,
    places,
    platform,
    say,
    sentiment,
    share,
    text,
)
from include.sources.comments_weekly.twin import (
    FORMAT,
    Brief,
    Chart,
    Figure,
    Grid,
    Headline,
    Section,
    Sentence,
)
from include.storage.duckdb_session import literal

ENTITIES, ALERTS, DAYS = tables.ENTITY_RANKINGS.name, tables.VELOCITY_ALERTS.name, tables.SENTIMENT_DAYS.name
PLATFORMS, POSTS, STORIES = tables.PLATFORM_WEEKS.name, tables.POST_WEEKS.name, tables.STORYLINES.name

TOP, ALERTS_SHOWN, DISCOVERED_SHOWN, POSTS_SHOWN, STORIES_SHOWN, LINES = 10, 8, 10, 8, 6, 4
LEAST = 10
"""Comments from which on an entity or post is spoken of."""
NEGATIVE = -0.3
UNSCORED_PERCENT, OTHER_PERCENT, UNMATCHED_PERCENT, CAPTURED_PERCENT, FALL_PERCENT = 5, 30, 50, 50, -50
"""From where on a share or a change is a risk, or asks for a next step."""

MEAN = "round(sum(average_sentiment * scored) / nullif(sum(scored), 0), 6)"
MEAN_BEFORE = "round(sum(average_sentiment_before * scored_before) / nullif(sum(scored_before), 0), 6)"
CHANGE = "round(100.0 * (sum(comments) - sum(comments_before)) / nullif(sum(comments_before), 0), 2)"
CLASSES = {
    "very_negative": "very negative",
    "negative": "negative",
    "neutral": "neutral",
    "positive": "positive",
    "very_positive": "very positive",
}
UNSCORED = {
    "other_language": "In a language that the scorer does not know: {}.",
    "no_text": "Without a text that can be scored: {}.",
    "failed": "Of which the scoring failed, and is tried again: {}.",
    "unscored": "Not scored yet: {}.",
}


def compose(con: duckdb.DuckDBPyConnection, monday: date, built_from: Mapping[str, str]) -> Brief:
    """The brief of a week, from its tables, which are views of the session by their names."""
    return _Writer(Figures(con, monday)).brief(built_from)


def _of(part: str) -> str:
    """A share of all comments in percent."""
    return f"round(100.0 * sum({part}) / nullif(sum(comments), 0), 4)"


class _Writer:
    def __init__(self, figures: Figures) -> None:
        self.f = figures
        self.comments = figures.ask(PLATFORMS, "coalesce(sum(comments), 0)")
        self.before = figures.ask(PLATFORMS, "coalesce(sum(comments_before), 0)")
        self.mean = figures.ask(PLATFORMS, MEAN, sentiment)
        self.mean_before = figures.ask(PLATFORMS, MEAN_BEFORE, sentiment)
        ranked = [row for row in figures.rows(ENTITIES) if row["rank"] is not None]
        self.ranked = sorted(ranked, key=lambda row: row["rank"])
        self.alerts = sorted(
            figures.rows(ALERTS),
            key=lambda r: (r["level"] != "critical", -abs(r["change_percent"]), r["entity_id"]),
        )
        self.posts = sorted(figures.rows(POSTS), key=lambda row: row["rank"])
        self.stories = figures.rows(STORIES)
        self.platforms = figures.rows(PLATFORMS)

    def brief(self, built_from: Mapping[str, str]) -> Brief:
        whole = (
            self.big_numbers,
            self.summary,
            self.scale,
            self.context,
            self.post_performance,
            self.changed,
            self.risks,
            self.top_entities,
            self.distribution,
            self.platform_comparison,
            self.entity_comparison,
            self.velocity,
            self.trends,
            self.discovered,
            self.storylines,
            self.faq,
            self.next_steps,
        )
        short = (self.big_numbers, self.summary, self.context, self.next_steps)
        return Brief(
            format=FORMAT,
            week=self.f.week.isoformat(),
            title="Weekly brief",
            period=week.words(self.f.week),
            built_from=dict(sorted(built_from.items())),
            sections=tuple(write() for write in (whole if self.comments.value else short)),
        )

    # --- figures that several sections show ---

    def entity(self, row: Mapping[str, Any], column: str, show: Any = text) -> Figure:
        return self.f.cell(ENTITIES, row, column, show)

    def alert(self, row: Mapping[str, Any], column: str, show: Any = text) -> Figure:
        return self.f.cell(ALERTS, row, column, show)

    def post(self, row: Mapping[str, Any], column: str, show: Any = text) -> Figure:
        return self.f.cell(POSTS, row, column, show)

    def story(self, row: Mapping[str, Any], column: str, show: Any = text) -> Figure:
        return self.f.cell(STORIES, row, column, show)

    def of_all(self, part: str) -> Figure:
        return self.f.ask(PLATFORMS, _of(part), share)

    def movers(self) -> list[dict[str, Any]]:
        """Entities with enough comments in both weeks, by how much their sentiment moved."""
        known = [
            row
            for row in self.ranked
            if row["sentiment_change"] is not None and min(row["scored"], row["comments_before"]) >= LEAST
        ]
        return sorted(known, key=lambda row: (-abs(row["sentiment_change"]), row["rank"]))

    # --- sections ---

    def big_numbers(self) -> Section:
        f = self.f
        if not self.comments.value:
            return Section(
                id="big_numbers",
                title="The week in numbers",
                numbers=(Headline(label="comments", figure=self.comments),),
            )
        alerts = f.ask(ALERTS, "count(*)")
        critical = f.ask(ALERTS, "count(*)", where="level = 'critical'")
        return Section(
            id="big_numbers",
            title="The week in numbers",
            numbers=(
                Headline(label="comments", figure=self.comments, note=self._against(self.before, number)),
                Headline(
                    label="mean sentiment", figure=self.mean, note=self._against(self.mean_before, sentiment)
                ),
                Headline(
                    label="posts with comments",
                    figure=f.ask(POSTS, "count(*)"),
                    note=say("platforms: {}", f.ask(PLATFORMS, "count(*)", where="comments > 0")),
                ),
                Headline(
                    label="entities named",
                    figure=f.ask(ENTITIES, "count(*)", where="rank IS NOT NULL"),
                    note=say("discovered: {}", f.ask(ENTITIES, "count(*)", where="NOT monitored")),
                ),
                Headline(label="velocity alerts", figure=alerts, note=say("critical: {}", critical)),
                Headline(
                    label="of the comments scored",
                    figure=self.of_all("scored"),
                    note=say("{} name no entity", self.of_all("without_entity")),
                ),
            ),
        )

    def _against(self, before: Figure, show: Any) -> Sentence:
        if before.value is None or (show is number and not before.value):
            return Sentence(text="nothing of the week before")
        return say("{} in the week before", before)

    def summary(self) -> Section:
        return Section(id="executive_summary", title="Executive summary", sentences=tuple(self._summary()))

    def _summary(self) -> Iterator[Sentence]:
        f = self.f
        if not self.comments.value:
            yield Sentence(
                text=f"No comment was collected that was written from {week.words(self.f.week)}, so there is nothing "
                "to rank or compare."
            )
            if self.before.value:
                yield say("In the week before there were {}.", self.before)
            return
        posts = f.ask(POSTS, "count(*)")
        if self.before.value:
            yield say(
                "This week has {} comments (posts: {}), {} against the {} of the week before.",
                self.comments,
                posts,
                f.ask(PLATFORMS, CHANGE, percent),
                self.before,
            )
        else:
            yield say(
                "This week has {} comments (posts: {}); there is none of the week before to compare with.",
                self.comments,
                posts,
            )
        if self.mean.value is None:
            yield say(
                "None of them was scored, so nothing can be said of their sentiment ({} scored).",
                self.of_all("scored"),
            )
        elif self.mean_before.value is None:
            yield say("Their mean sentiment is {}.", self.mean)
        else:
            yield say("Their mean sentiment is {}, after {} in the week before.", self.mean, self.mean_before)
        if self.ranked:
            first = self.ranked[0]
            yield say(
                "{} is named most, in {} comments, with a mean sentiment of {}.",
                self.entity(first, "name"),
                self.entity(first, "comments", number),
                self.entity(first, "average_sentiment", sentiment),
            )
        else:
            yield say("No entity is named: {} of the comments match none.", self.of_all("without_entity"))
        for mover in self.movers()[:1]:
            yield say(
                "The sentiment about {} moved most, from {} to {}.",
                self.entity(mover, "name"),
                self.entity(mover, "average_sentiment_before", sentiment),
                self.entity(mover, "average_sentiment", sentiment),
            )
        if self.alerts:
            worst = self.alerts[0]
            yield say(
                "The sharpest velocity alert at the end of the week is {}, {} within 72 hours; there {} in all.",
                self.alert(worst, "name"),
                self.alert(worst, "change_percent", percent),
                f.ask(ALERTS, "count(*)", lambda value: "is 1" if value == 1 else f"are {value}"),
            )
        for told in self.stories[:1]:
            yield say(
                "The largest storyline is {}, in {} comments against {} in a usual week.",
                self.story(told, "names", _names),
                self.story(told, "comments", number),
                self.story(told, "comments_before", number),
            )

    def scale(self) -> Section:
        f = self.f
        points = [f.series("this week", PLATFORMS, f"'this week', {MEAN}", "HAVING sum(scored) > 0")]
        points.append(
            f.series(
                "week before", PLATFORMS, f"'week before', {MEAN_BEFORE}", "HAVING sum(scored_before) > 0"
            )
        )
        return Section(
            id="sentiment_scale",
            title="Sentiment scale",
            sentences=(
                Sentence(
                    text="Each scored comment has a sentiment from −1 to 1: very positive from 0.7, positive from 0.3, "
                    "negative from −0.3 down, very negative from −0.7 down, neutral between. A weighted mean counts a "
                    "comment with 100 likes twice."
                ),
            ),
            charts=(
                Chart(
                    kind="scale",
                    title="Where this week stands",
                    unit="sentiment",
                    series=tuple(series for series in points if series.points),
                ),
            ),
        )

    def context(self) -> Section:
        f = self.f
        found: list[Sentence] = []
        if self.comments.value:
            found.append(
                say(
                    "{} of the {} comments are scored. {} name no entity; they count in every total.",
                    f.ask(PLATFORMS, "sum(scored)"),
                    self.comments,
                    f.ask(PLATFORMS, "sum(without_entity)"),
                )
            )
        for column, template in UNSCORED.items():
            figure = f.ask(PLATFORMS, f"coalesce(sum({column}), 0)")
            if figure.value:
                found.append(say(template, figure))
        undated = f.ask(PLATFORMS, "coalesce(sum(undated), 0)")
        if undated.value:
            found.append(
                say(
                    "Collected this week without a time, so they belong to no week: {} further ones.", undated
                )
            )
        vanished = f.ask(PLATFORMS, "coalesce(sum(vanished), 0)")
        if vanished.value:
            found.append(say("No longer shown by their platform, and counted all the same: {}.", vanished))
        captured = f.ask(POSTS, "round(median(captured_percent), 4)", share)
        known = f.ask(POSTS, "count(captured_percent)")
        if captured.value is not None:
            found.append(
                say(
                    "Of the {} posts whose platform tells its own count, half have at least {} of their comments here.",
                    known,
                    captured,
                )
            )
        if not found:
            found.append(say("Collected in this week without a time: {}.", undated))
        return Section(
            id="context",
            title="Context",
            sentences=tuple(found),
            closing=(
                Sentence(
                    text="A week is Monday to Sunday in UTC, and a comment counts once, whatever it names. What was "
                    "collected after this brief was made is not in it."
                ),
            ),
        )

    def post_performance(self) -> Section:
        rows = tuple(
            (
                self.post(row, "rank"),
                self._post_title(row),
                self.post(row, "platform", platform),
                self.post(row, "comments", number),
                self.post(row, "total_likes", number),
                self.post(row, "average_sentiment", sentiment),
                self.post(row, "captured_percent", share),
            )
            for row in self.posts[:POSTS_SHOWN]
        )
        return Section(
            id="post_performance",
            title="Post performance",
            sentences=(
                say(
                    "The {} posts with the most comments of the week, of {}.",
                    self.f.ask(POSTS, "count(*)", where=f"rank <= {POSTS_SHOWN}"),
                    self.f.ask(POSTS, "count(*)"),
                ),
            ),
            grids=(
                Grid(
                    columns=("#", "Post", "Platform", "Comments", "Likes", "Sentiment", "Captured"),
                    widths=(0.05, 0.41, 0.13, 0.11, 0.1, 0.11, 0.09),
                    rows=rows,
                ),
            ),
        )

    def _post_title(self, row: Mapping[str, Any]) -> Figure:
        """What people know a post by: its subject, else its caption, else its id."""
        known = next((name for name in ("subject", "caption") if (row[name] or "").strip()), "post_id")
        return self.post(row, known)

    def changed(self) -> Section:
        f, found = self.f, []
        if not self.before.value:
            found.append(
                say(
                    "Nothing of the week before was collected ({} comments), so nothing can be compared.",
                    self.before,
                )
            )
            return Section(id="what_changed", title="What changed", sentences=tuple(found))
        found += [
            say(
                "{}: {} comments after {}; mean sentiment {} after {}.",
                f.cell(PLATFORMS, row, "platform", platform),
                f.cell(PLATFORMS, row, "comments", number),
                f.cell(PLATFORMS, row, "comments_before", number),
                f.cell(PLATFORMS, row, "average_sentiment", sentiment),
                f.cell(PLATFORMS, row, "average_sentiment_before", sentiment),
            )
            for row in self.platforms
        ]
        entered = [row for row in self.ranked[:TOP] if row["rank_before"] is None or row["rank_before"] > TOP]
        for row in entered[:3]:
            if row["rank_before"] is None:
                found.append(
                    say(
                        "{} enters the top ten at place {}; it was not named before.",
                        self.entity(row, "name"),
                        self.entity(row, "rank"),
                    )
                )
            else:
                found.append(
                    say(
                        "{} enters the top ten at place {}, from place {}.",
                        self.entity(row, "name"),
                        self.entity(row, "rank"),
                        self.entity(row, "rank_before"),
                    )
                )
        gone = [
            row
            for row in f.rows(ENTITIES)
            if (row["rank_before"] or TOP + 1) <= TOP and (row["rank"] is None or row["rank"] > TOP)
        ]
        found += [
            say(
                "{} leaves the top ten, from place {}: {} comments after {}.",
                self.entity(row, "name"),
                self.entity(row, "rank_before"),
                self.entity(row, "comments", number),
                self.entity(row, "comments_before", number),
            )
            for row in sorted(gone, key=lambda row: row["rank_before"])[:3]
        ]
        shown = [row["entity_id"] for row in self.movers()[:8]]
        charts: tuple[Chart, ...] = ()
        if shown:
            listed = f"entity_id IN ({', '.join(map(literal, shown))})"
            order = "ORDER BY abs(sentiment_change) DESC, rank"
            charts = (
                Chart(
                    kind="change",
                    title=f"Sentiment about the entities that moved most (at least {LEAST} comments in both weeks)",
                    unit="sentiment",
                    series=(
                        f.series("week before", ENTITIES, "name, average_sentiment_before", order, listed),
                        f.series("this week", ENTITIES, "name, average_sentiment", order, listed),
                    ),
                ),
            )
        return Section(id="what_changed", title="What changed", sentences=tuple(found), charts=charts)

    def risks(self) -> Section:
        found = tuple(self._risks())
        if not found:
            checked = self.f.ask(ENTITIES, "count(*)", where=f"comments >= {LEAST}")
            found = (
                say(
                    "No rule found a risk: no critical alert downwards, none of the {} entities with at least "
                    f"{LEAST} comments below {sentiment(NEGATIVE)}, no sharp fall in comments, nearly all scored.",
                    checked,
                ),
            )
        return Section(id="key_risks", title="Key risks", sentences=found)

    def _risks(self) -> Iterator[Sentence]:
        f = self.f
        for row in [row for row in self.alerts if row["level"] == "critical" and row["direction"] == "down"][
            :3
        ]:
            yield say(
                "The sentiment about {} fell by {} within 72 hours, from {} to {}, in {} comments.",
                self.alert(row, "name"),
                self.alert(row, "change_percent", lambda value: f"{abs(value):,.0f} %"),
                self.alert(row, "earlier_sentiment", sentiment),
                self.alert(row, "recent_sentiment", sentiment),
                self.alert(row, "recent_comments", number),
                lead="Falling fast.",
            )
        low = [r for r in self.ranked if r["scored"] >= LEAST and r["weighted_sentiment"] <= NEGATIVE]
        for row in sorted(low, key=lambda row: (row["weighted_sentiment"], row["rank"]))[:3]:
            yield say(
                "{} has a weighted sentiment of {} over {} scored comments.",
                self.entity(row, "name"),
                self.entity(row, "weighted_sentiment", sentiment),
                self.entity(row, "scored", number),
                lead="Negative.",
            )
        change = f.ask(PLATFORMS, CHANGE, percent)
        if change.value is not None and float(change.value) <= FALL_PERCENT:
            yield say(
                "There are {} comments after {} ({}): see whether all exports came before this is read as silence.",
                self.comments,
                self.before,
                change,
                lead="Few comments.",
            )
        unscored = f.ask(PLATFORMS, _of("failed + unscored"), share)
        if float(unscored.value or 0) > UNSCORED_PERCENT:  # type: ignore[arg-type]
            yield say(
                "{} of the comments could not be scored, so means rest on the others.",
                unscored,
                lead="Not scored.",
            )
        other = self.of_all("other_language")
        if float(other.value or 0) > OTHER_PERCENT:  # type: ignore[arg-type]
            yield say(
                "{} of the comments are in languages that the scorer does not know.",
                other,
                lead="Other languages.",
            )
        for row in [r for r in self.posts[:TOP] if (r["captured_percent"] or 100) < CAPTURED_PERCENT][:2]:
            yield say(
                "Of the post {} only {} of the comments are here, so its mean may change.",
                self._post_title(row),
                self.post(row, "captured_percent", share),
                lead="Little captured.",
            )

    def top_entities(self) -> Section:
        rows = tuple(
            (
                self.entity(row, "rank"),
                self.entity(row, "name"),
                self.entity(row, "entity_type"),
                self.entity(row, "comments", number),
                self.entity(row, "rank_change", places),
                self.entity(row, "average_sentiment", sentiment),
                self.entity(row, "weighted_sentiment", sentiment),
                self.entity(row, "total_likes", number),
            )
            for row in self.ranked[:TOP]
        )
        charts: tuple[Chart, ...] = ()
        sentences: tuple[Sentence, ...] = ()
        if rows:
            charts = (
                Chart(
                    kind="bars",
                    title="Comments that name them",
                    unit="comments",
                    series=(
                        self.f.series(
                            "comments", ENTITIES, "name, comments", "ORDER BY rank", f"rank <= {TOP}"
                        ),
                    ),
                ),
            )
        else:
            sentences = (say("No comment names an entity ({} without one).", self.of_all("without_entity")),)
        grid = Grid(
            columns=("#", "Entity", "Type", "Comments", "Places", "Sentiment", "Weighted", "Likes"),
            widths=(0.05, 0.28, 0.12, 0.12, 0.1, 0.12, 0.11, 0.1),
            rows=rows,
        )
        return Section(
            id="top_entities",
            title="Top 10 entities",
            sentences=sentences,
            charts=charts,
            grids=(grid,) if rows else (),
        )

    def distribution(self) -> Section:
        f = self.f
        sentences = [
            say(
                "{} very negative, {} negative, {} neutral, {} positive and {} very positive, of {} scored comments.",
                *(f.ask(PLATFORMS, f"sum({column})") for column in CLASSES),
                f.ask(PLATFORMS, "sum(scored)"),
            )
        ]
        return Section(
            id="sentiment_distribution",
            title="Sentiment distribution",
            sentences=tuple(sentences),
            charts=(
                Chart(
                    kind="stack",
                    title="Share of each class in the scored comments",
                    unit="comments",
                    series=tuple(
                        f.series(
                            words, PLATFORMS, f"'all platforms', sum({column})", "HAVING sum(scored) > 0"
                        )
                        for column, words in CLASSES.items()
                    ),
                ),
            )
            if f.ask(PLATFORMS, "sum(scored)").value
            else (),
        )

    def platform_comparison(self) -> Section:
        f = self.f
        there = [row for row in self.platforms if row["comments"]]
        rows = tuple(
            (
                f.cell(PLATFORMS, row, "platform", platform),
                f.cell(PLATFORMS, row, "posts", number),
                f.cell(PLATFORMS, row, "comments", number),
                f.cell(PLATFORMS, row, "replies", number),
                f.cell(PLATFORMS, row, "authors", number),
                f.cell(PLATFORMS, row, "scored", number),
                f.cell(PLATFORMS, row, "average_sentiment", sentiment),
                f.cell(PLATFORMS, row, "weighted_sentiment", sentiment),
            )
            for row in there
        )
        scored = any(row["scored"] for row in there)
        return Section(
            id="platform_comparison",
            title="Platform comparison",
            charts=(
                Chart(
                    kind="stack",
                    title="Share of each class, by platform",
                    unit="comments",
                    series=tuple(
                        f.series(words, PLATFORMS, f"platform, {column}", "ORDER BY platform", "scored > 0")
                        for column, words in CLASSES.items()
                    ),
                ),
            )
            if scored
            else (),
            grids=(
                Grid(
                    columns=(
                        "Platform",
                        "Posts",
                        "Comments",
                        "Replies",
                        "Authors",
                        "Scored",
                        "Sentiment",
                        "Weighted",
                    ),
                    widths=(0.2, 0.1, 0.12, 0.11, 0.11, 0.11, 0.13, 0.12),
                    rows=rows,
                ),
            ),
        )

    def entity_comparison(self) -> Section:
        known = f"rank <= {TOP} AND scored >= {LEAST}"
        found = [row for row in self.ranked[:TOP] if row["scored"] >= LEAST]
        if not found:
            sentence = say(
                "None of the entities has " + f"{LEAST} scored comments; {{}} are named.",
                self.f.ask(ENTITIES, "count(*)", where="rank IS NOT NULL"),
            )
            return Section(id="entity_comparison", title="Entity comparison", sentences=(sentence,))
        best = max(found, key=lambda row: (row["weighted_sentiment"], -row["rank"]))
        worst = min(found, key=lambda row: (row["weighted_sentiment"], row["rank"]))
        sentences = [
            say(
                "By weighted sentiment {} stands highest of the ten most named, at {}.",
                self.entity(best, "name"),
                self.entity(best, "weighted_sentiment", sentiment),
            )
        ]
        if worst is not best:
            sentences.append(
                say(
                    "{} stands lowest, at {}.",
                    self.entity(worst, "name"),
                    self.entity(worst, "weighted_sentiment", sentiment),
                )
            )
        order = "ORDER BY weighted_sentiment DESC, rank"
        return Section(
            id="entity_comparison",
            title="Entity comparison",
            sentences=tuple(sentences),
            charts=(
                Chart(
                    kind="change",
                    title=f"From the plain mean to the mean weighted by likes (at least {LEAST} scored comments)",
                    unit="sentiment",
                    series=(
                        self.f.series("plain mean", ENTITIES, "name, average_sentiment", order, known),
                        self.f.series("weighted", ENTITIES, "name, weighted_sentiment", order, known),
                    ),
                ),
            ),
        )

    def velocity(self) -> Section:
        rule = Sentence(
            text=f"The mean of the last {tables.VELOCITY_HOURS} hours of the week against that of the "
            f"{tables.VELOCITY_HOURS} hours before, each of at least {tables.VELOCITY_LEAST} scored comments; an alert "
            f"above {tables.ALERT_ABOVE:g} %, critical above {tables.CRITICAL_ABOVE:g} %. A mean below "
            f"{tables.VELOCITY_FLOOR:g} counts as {tables.VELOCITY_FLOOR:g} where it is divided by (*)."
        )
        rows = tuple(
            (
                self.alert(row, "name"),
                self.alert(row, "level"),
                self.alert(
                    row,
                    "change_percent",
                    (lambda value: percent(value) + " *") if row["floor_used"] else percent,
                ),
                self.alert(row, "earlier_sentiment", sentiment),
                self.alert(row, "earlier_comments", number),
                self.alert(row, "recent_sentiment", sentiment),
                self.alert(row, "recent_comments", number),
            )
            for row in self.alerts[:ALERTS_SHOWN]
        )
        count = self.f.ask(ALERTS, "count(*)")
        said: tuple[Sentence, ...] = ()
        if not rows:
            said = (say("{} alerts: no entity moved that fast.", count),)
        elif len(self.alerts) > ALERTS_SHOWN:
            said = (say(f"The {ALERTS_SHOWN} sharpest of {{}} alerts.", count),)
        grid = Grid(
            columns=("Entity", "Level", "Change", "Before", "Comments", "Recent", "Comments"),
            widths=(0.3, 0.12, 0.14, 0.11, 0.11, 0.11, 0.11),
            rows=rows,
        )
        return Section(
            id="velocity_alerts",
            title="Velocity alerts",
            sentences=said,
            grids=(grid,) if rows else (),
            closing=(rule,),
        )

    def trends(self) -> Section:
        f = self.f
        per_day = "GROUP BY day ORDER BY day"
        every = f"entity_id = {literal(tables.ALL)}"
        lines = [f.series("all comments", DAYS, f"day, {MEAN}", per_day, every)]
        if len(self.platforms) > 1:
            lines += [
                f.series(
                    platform(row["platform"]),
                    DAYS,
                    "day, average_sentiment",
                    "ORDER BY day",
                    f"{every} AND platform = {literal(row['platform'])}",
                )
                for row in sorted(self.platforms, key=lambda row: -row["comments"])[:LINES]
                if row["comments"]
            ]
        charts = [
            Chart(
                kind="lines",
                title="Mean sentiment by day and platform",
                unit="sentiment",
                series=tuple(lines),
            ),
        ]
        named = [row for row in self.ranked if row["scored"] >= LEAST][:LINES]
        if named:
            charts.append(
                Chart(
                    kind="lines",
                    title="Mean sentiment by day, of those named most",
                    unit="sentiment",
                    series=tuple(
                        f.series(
                            row["name"],
                            DAYS,
                            f"day, {MEAN}",
                            per_day,
                            f"entity_id = {literal(row['entity_id'])}",
                        )
                        for row in named
                    ),
                )
            )
        charts.append(
            Chart(
                kind="lines",
                title="Comments by day",
                unit="comments",
                series=(f.series("all comments", DAYS, "day, sum(comments)", per_day, every),),
            )
        )
        days = f.ask(DAYS, "count(DISTINCT day)", where=every)
        return Section(
            id="trends",
            title="Trends",
            sentences=(say("Days with comments: {} of 7.", days),),
            charts=tuple(charts),
        )

    def discovered(self) -> Section:
        found = [row for row in self.ranked if not row["monitored"]][:DISCOVERED_SHOWN]
        rows = tuple(
            (
                self.entity(row, "name"),
                self.entity(row, "comments", number),
                self.entity(row, "comments_before", number),
                self.entity(row, "average_sentiment", sentiment),
            )
            for row in found
        )
        if not rows:
            return Section(
                id="discovered",
                title="Discovered entities",
                sentences=(
                    say(
                        "Names beyond the catalogue in at least "
                        + f"{tables.DISCOVERED_FROM} comments: {{}}.",
                        self.f.ask(ENTITIES, "count(*)", where="NOT monitored"),
                    ),
                ),
            )
        return Section(
            id="discovered",
            title="Discovered entities",
            sentences=(
                say(
                    "Names that the catalogue does not have, in at least "
                    + f"{tables.DISCOVERED_FROM} comments each: {{}}.",
                    self.f.ask(ENTITIES, "count(*)", where="NOT monitored"),
                ),
            ),
            grids=(
                Grid(
                    columns=("Name", "Comments", "Week before", "Sentiment"),
                    widths=(0.46, 0.18, 0.18, 0.18),
                    rows=rows,
                ),
            ),
        )

    def storylines(self) -> Section:
        found = []
        for row in self.stories[:STORIES_SHOWN]:
            parts = "{} comments, {} in a usual week; mean sentiment {}."
            figures = [
                self.story(row, "comments", number),
                self.story(row, "comments_before", number),
                self.story(row, "average_sentiment", sentiment),
            ]
            if row["terms"]:
                parts += " Words that are new in it: {}."
                figures.append(self.story(row, "terms", ", ".join))
            names = self.story(row, "names", _names)
            found.append(
                Sentence(text=say(parts, *figures).text, figures=(names, *figures), lead=f"{names.shown}.")
            )
        rule = Sentence(
            text=f"Entities that at least {tables.STORYLINE_LEAST} comments name together, and "
            f"{tables.STORYLINE_GROWTH:g} times as many as in a usual week of the {tables.STORYLINE_WEEKS} before."
        )
        if not found:
            found.append(say("{} storylines: no entities rose together.", self.f.ask(STORIES, "count(*)")))
        return Section(id="storylines", title="Storylines", sentences=tuple(found), closing=(rule,))

    def faq(self) -> Section:
        f = self.f
        scored = f.ask(PLATFORMS, "sum(scored)")
        found = [
            say("{} (posts: {}, platforms: {}).", self.comments, f.ask(POSTS, "count(*)"),
                f.ask(PLATFORMS, "count(*)", where="comments > 0"), lead="How many comments are behind this?"),
            say("From {} scored comments; the other {} have no sentiment and count in no mean.", scored,
                f.ask(PLATFORMS, "sum(comments) - sum(scored)"), lead="What are means made from?"),
            say("They are in all totals and in no row of an entity: {}.",
                f.ask(PLATFORMS, "sum(without_entity)"), lead="What of comments that name nobody?"),
        ]  # fmt: skip
        if self.ranked:
            first = self.ranked[0]
            found.append(
                say(
                    "{} leads by {} distinct comments (likes: {}); one that names it twice counts once.",
                    self.entity(first, "name"),
                    self.entity(first, "comments", number),
                    self.entity(first, "total_likes", number),
                    lead="Who is first, and why?",
                )
            )
        floors = f.ask(ALERTS, "count(*)", where="floor_used")
        if floors.value:
            found.append(
                say(
                    "That the mean before was so near to zero that the change was divided by "
                    f"{tables.VELOCITY_FLOOR:g} instead: {{}} of them.",
                    floors,
                    lead="What does the star at an alert mean?",
                )
            )
        return Section(id="faq", title="Questions and answers", sentences=tuple(found))

    def next_steps(self) -> Section:
        found = tuple(self._next_steps())
        if not found:
            found = (
                say("No rule asks for anything: {} comments were read, nothing stands out.", self.comments),
            )
        return Section(id="next_steps", title="Next steps", sentences=found)

    def _next_steps(self) -> Iterator[Sentence]:
        f = self.f
        if not self.comments.value:
            yield say(
                "See whether exports were made: {} comments came without a time, and {} are of the week before.",
                f.ask(PLATFORMS, "coalesce(sum(undated), 0)"),
                self.before,
            )
            return
        for row in [row for row in self.alerts if row["level"] == "critical"][:3]:
            yield say(
                "Read the {} recent comments about {} before anything is said in public.",
                self.alert(row, "recent_comments", number),
                self.alert(row, "name"),
            )
        discovered = f.ask(ENTITIES, "count(*)", where="NOT monitored")
        if discovered.value:
            yield say("Decide which discovered names the catalogue is to have, of {}.", discovered)
        unscored = f.ask(PLATFORMS, "sum(failed) + sum(unscored)")
        if unscored.value:
            yield say("See that what is not scored yet ({}) is scored by the next run of comments.", unscored)
        unmatched = self.of_all("without_entity")
        if float(unmatched.value or 0) > UNMATCHED_PERCENT:  # type: ignore[arg-type]
            yield say(
                "{} of the comments name no entity: see whether the catalogue lacks names or aliases.",
                unmatched,
            )
        few = f.ask(POSTS, "count(*)", where=f"captured_percent < {CAPTURED_PERCENT}")
        if few.value:
            yield say(
                f"Export the posts again of which less than {CAPTURED_PERCENT} % of the comments are here: {{}}.",
                few,
            )


def _names(names: Sequence[str]) -> str:
    """A, B and C."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
