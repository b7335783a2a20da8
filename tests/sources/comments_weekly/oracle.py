"""The rules of the weekly figures once more, in plain Python and with fractions, without a look at the SQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.sources.comments_weekly.inputs import Inputs

Row = dict[str, Any]
Key = tuple[str, str]


def monday_of(moment: datetime) -> date:
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def score(comment: Mapping[str, Any]) -> Fraction | None:
    if comment["score_state"] != "scored" or comment["sentiment"] is None:
        return None
    return Fraction(comment["sentiment"]).limit_denominator(10**9)


def mean(comments: Iterable[Mapping[str, Any]]) -> float | None:
    scores = [s for c in comments if (s := score(c)) is not None]
    return float(sum(scores) / len(scores)) if scores else None


def weighted(comments: Iterable[Mapping[str, Any]]) -> float | None:
    pairs = [(s, 1 + Fraction(c["likes"] or 0) / 100) for c in comments if (s := score(c)) is not None]
    return float(sum(s * w for s, w in pairs) / sum(w for _, w in pairs)) if pairs else None


def likes(comments: Iterable[Mapping[str, Any]]) -> int | None:
    stated = [c["likes"] for c in comments if c["likes"] is not None]
    return sum(stated) if stated else None


def figures(comments: Sequence[Mapping[str, Any]]) -> Row:
    return {
        "comments": len(comments),
        "scored": sum(score(c) is not None for c in comments),
        "average_sentiment": mean(comments),
        "weighted_sentiment": weighted(comments),
        "total_likes": likes(comments),
    }


class Oracle:
    """All figures of a week."""

    def __init__(self, inputs: Inputs, monday: date) -> None:
        self.monday, self.before = monday, monday - timedelta(days=7)
        self.comments = {(c["platform"], c["comment_id"]): c for c in inputs["comments"]}
        self.monitored = {e["entity_id"]: e["name"] for e in inputs["monitored_entities"]}
        self.names: dict[Key, set[str]] = defaultdict(set)
        for each in inputs["signals"]:
            if each["entity_id"]:
                self.names[each["platform"], each["comment_id"]].add(each["entity_id"])
        self.of_week: dict[date, list[Row]] = defaultdict(list)
        for found in self.comments.values():
            if found["created_at"] is not None:
                self.of_week[monday_of(found["created_at"])].append(dict(found))

    def about(self, entity: str, week: date) -> list[Row]:
        return [
            c for c in self.of_week[week] if entity in self.names.get((c["platform"], c["comment_id"]), ())
        ]

    def entities(self) -> set[str]:
        return set(self.monitored) | {name for names in self.names.values() for name in names}

    def counts(self, week: date) -> set[str]:
        return {
            e for e in self.entities() if (n := len(self.about(e, week))) and (e in self.monitored or n >= 10)
        }

    def ranks(self, week: date) -> dict[str, int]:
        def place(entity: str) -> tuple[Any, ...]:
            of = figures(self.about(entity, week))
            return (-of["comments"], of["total_likes"] is None, -(of["total_likes"] or 0), entity)

        return {e: n for n, e in enumerate(sorted(self.counts(week), key=place), start=1)}

    def entity_rankings(self) -> list[Row]:
        now, before, rows = self.ranks(self.monday), self.ranks(self.before), []
        for entity in sorted(self.entities()):
            was = self.about(entity, self.before)
            if entity not in now and not (entity in self.monitored and was):
                continue
            mine, mean_before = figures(self.about(entity, self.monday)), mean(was)
            average = mine["average_sentiment"]
            rows.append(
                {
                    "entity_id": entity,
                    "name": self.monitored.get(entity, entity),
                    "monitored": entity in self.monitored,
                    "rank": now.get(entity),
                    **mine,
                    "comments_before": len(was),
                    "rank_before": before.get(entity),
                    "rank_change": before[entity] - now[entity]
                    if entity in now and entity in before
                    else None,
                    "average_sentiment_before": mean_before,
                    "sentiment_change": None if None in (average, mean_before) else average - mean_before,
                }
            )
        return rows

    def velocity_alerts(self) -> list[Row]:
        end = datetime.combine(self.monday + timedelta(days=7), datetime.min.time(), UTC)
        rows = []
        for entity in sorted(self.counts(self.monday)):
            scored = [c for c in self.about(entity, self.monday) if score(c) is not None]
            recent = [c for c in scored if c["created_at"] >= end - timedelta(hours=72)]
            previous = [
                c for c in scored if end - timedelta(hours=144) <= c["created_at"] < end - timedelta(hours=72)
            ]
            if len(recent) < 10 or len(previous) < 10:
                continue
            now, was = round(mean(recent) or 0, 6), round(mean(previous) or 0, 6)
            change = 100 * (now - was) / max(abs(was), 0.1)
            if abs(change) > 30:
                rows.append(
                    {
                        "entity_id": entity,
                        "level": "critical" if abs(change) > 50 else "alert",
                        "direction": "up" if change > 0 else "down",
                        "change_percent": change,
                        "recent_comments": len(recent),
                        "earlier_comments": len(previous),
                        "floor_used": abs(was) < 0.1,
                        "window_end": end,
                    }
                )
        return rows

    def sentiment_days(self) -> list[Row]:
        groups: dict[tuple[date, str, str], list[Row]] = defaultdict(list)
        counted = self.counts(self.monday)
        for c in self.of_week[self.monday]:
            named = self.names.get((c["platform"], c["comment_id"]), set()) & counted
            for entity in ("(all)", *(named or {"(none)"})):
                groups[c["created_at"].astimezone(UTC).date(), c["platform"], entity].append(c)
        return [
            {"day": day, "platform": platform, "entity_id": entity, **figures(found)}
            for (day, platform, entity), found in sorted(groups.items())
        ]

    def platform_weeks(self) -> list[Row]:
        counted, rows = self.counts(self.monday), []
        undated = Counter(
            c["platform"]
            for c in self.comments.values()
            if c["created_at"] is None and monday_of(c["first_seen"]) == self.monday
        )
        every = self.of_week[self.monday], self.of_week[self.before]
        for platform in sorted({c["platform"] for found in every for c in found} | set(undated)):
            now, was = ([c for c in found if c["platform"] == platform] for found in every)
            scores = [s for c in now if (s := score(c)) is not None]
            states = Counter(c["score_state"] or "unscored" for c in now if score(c) is None)
            other, none, failed = (states.pop(name, 0) for name in ("other_language", "no_text", "failed"))
            rows.append(
                {
                    "platform": platform,
                    "posts": len({c["post_id"] for c in now if c["post_id"]}),
                    **figures(now),
                    "replies": sum(c["context"] == "reply" for c in now),
                    "authors": len({c["author"] for c in now if c["author"]}),
                    "without_entity": sum(
                        not self.names.get((c["platform"], c["comment_id"]), set()) & counted for c in now
                    ),
                    "other_language": other,
                    "no_text": none,
                    "failed": failed,
                    "unscored": states.total(),
                    "very_positive": sum(s >= Fraction(7, 10) for s in scores),
                    "positive": sum(Fraction(3, 10) <= s < Fraction(7, 10) for s in scores),
                    "neutral": sum(-Fraction(3, 10) < s < Fraction(3, 10) for s in scores),
                    "negative": sum(-Fraction(7, 10) < s <= -Fraction(3, 10) for s in scores),
                    "very_negative": sum(s <= -Fraction(7, 10) for s in scores),
                    "vanished": sum(c["vanished_at"] is not None for c in now),
                    "comments_before": len(was),
                    "scored_before": sum(score(c) is not None for c in was),
                    "average_sentiment_before": mean(was),
                    "undated": undated[platform],
                }
            )
        return rows

    def post_weeks(self) -> list[Row]:
        groups: dict[Key, list[Row]] = defaultdict(list)
        for c in self.of_week[self.monday]:
            if c["post_id"] is not None:
                groups[c["platform"], c["post_id"]].append(c)
        rows = [
            {"platform": platform, "post_id": post, **figures(found)}
            for (platform, post), found in groups.items()
        ]
        rows.sort(
            key=lambda r: (
                -r["comments"],
                r["total_likes"] is None,
                -(r["total_likes"] or 0),
                r["platform"],
                r["post_id"],
            )
        )
        ranked = [{**row, "rank": n} for n, row in enumerate(rows, start=1)]
        return sorted(ranked, key=lambda r: (r["platform"], r["post_id"]))

    def storylines(self) -> list[Row]:
        """Entities and counts of the storylines, the largest first."""
        counted = self.counts(self.monday)
        weeks = [self.monday - timedelta(days=7 * n) for n in range(1, 5)]
        there = [week for week in weeks if self.of_week[week]]
        named: dict[date, dict[Key, frozenset[str]]] = {
            week: {
                key: frozenset(self.names.get(key, set()) & counted)
                for c in self.of_week[week]
                for key in [(c["platform"], c["comment_id"])]
            }
            for week in (self.monday, *weeks)
        }

        def naming(pair: frozenset[str], week: date) -> set[Key]:
            return {key for key, names in named[week].items() if pair <= names}

        pairs = {frozenset((a, b)) for a in counted for b in counted if a < b}
        rising = []
        for pair in pairs:
            now, was = len(naming(pair, self.monday)), sum(len(naming(pair, week)) for week in weeks)
            if there and now >= 10 and now >= 2 * max(Fraction(was, len(there)), 1):
                rising.append(pair)
        stories: list[set[frozenset[str]]] = []
        for pair in rising:
            mine = [s for s in stories if any(pair & other for other in s)]
            stories = [s for s in stories if s not in mine] + [{pair}.union(*mine)]
        rows = []
        for story in stories:
            now_keys = set().union(*(naming(pair, self.monday) for pair in story))
            was = sum(len(set().union(*(naming(pair, week) for pair in story))) for week in weeks)
            found = [self.comments[key] for key in now_keys]
            average = Fraction(was, len(there))
            rows.append(
                {
                    "entities": sorted(frozenset().union(*story)),
                    "comments": len(found),
                    "comments_before": float(average),
                    "growth": float(len(found) / max(average, 1)),
                    "scored": sum(score(c) is not None for c in found),
                    "average_sentiment": mean(found),
                    "total_likes": likes(found),
                }
            )
        rows.sort(key=lambda row: (-row["comments"], row["entities"]))
        return [{**row, "rank": n} for n, row in enumerate(rows, start=1)]
