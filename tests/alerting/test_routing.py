"""alerts.yml says who is told what; a mistake in it is named, and never costs a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.alerting import routing
from include.alerting.alert import KINDS, Alert
from include.alerting.routing import InvalidRouting, Routing

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def alert(kind: str = "late", source: str = "ctgov", what: str = "") -> Alert:
    return Alert(kind=kind, source=source, what=what, at=NOW, occurrence="1", cause="x", consumers="y")


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def call(text: str) -> Routing:
        path = tmp_path / "alerts.yml"
        path.write_text(text, encoding="utf-8")
        return routing.load(path)

    return call


def test_the_file_that_is_delivered_tells_everybody_everything() -> None:
    ours = routing.load()
    for kind in KINDS:
        route = ours.route(alert(kind, "any_dag.at-all"))
        assert route.channels == ["mail", "webhook", "apprise"] and route.to is None
        assert ours.silence(alert(kind), NOW) is None
    assert ours.runbook == "docs/runbook.md"


def test_the_first_route_that_fits_is_taken(load: Any) -> None:
    ours = load("""
routes:
  - {sources: [ctgov, pubchem], kinds: [late], channels: [webhook]}
  - {sources: [ctgov], channels: [mail], to: [ctgov@example.org]}
  - {severities: [critical, warning], channels: [apprise]}
  - {channels: [mail]}
""")
    taken = [
        (one.channels, one.to)
        for one in map(
            ours.route,
            [alert(), alert("stale"), alert("disk-low", "x"), alert("gate-warned", "x"), alert("late", "x")],
        )
    ]
    assert taken == [
        (["webhook"], None),
        (["mail"], ["ctgov@example.org"]),
        (["apprise"], None),
        (["apprise"], None),
        (["mail"], None),
    ]


def test_a_silence_holds_until_its_time_for_what_it_names(load: Any) -> None:
    ours = load("""
routes: [{channels: [mail]}]
silences:
  - {sources: [pubchem], reason: The quota is used up, until: 2026-11-22T10:00:00+01:00}
  - {kinds: [late, stale], what: studies, reason: They move house, until: 2026-11-22T09:00:01Z}
""")
    assert ours.silence(alert(what="studies"), NOW).reason == "They move house"
    assert ours.silence(alert(what="studies"), NOW + timedelta(seconds=1)) is None
    assert ours.silence(alert(), NOW) is None
    assert ours.silence(alert("zero-rows", what="studies"), NOW) is None
    assert ours.silence(alert(source="pubchem"), NOW) is None
    assert ours.silence(alert(source="pubchem"), NOW - timedelta(seconds=1)) is not None


def test_pauses_grow_up_to_the_longest(load: Any) -> None:
    hours = [routing.load().pause(told) / timedelta(hours=1) for told in (0, 1, 2, 3, 4, 5, 6, 7, 10**9)]
    assert hours == [1, 1, 2, 4, 8, 16, 24, 24, 24]
    steady = load("repeat: {after_minutes: 30, factor: 1}\nroutes: [{channels: [mail]}]")
    assert steady.pause(50) == timedelta(minutes=30)
    assert load("repeat: {factor: 100}\nroutes: [{channels: [mail]}]").pause(10**9) == timedelta(hours=24)


LAST = "\n  - channels: [mail]\n"
SILENT = "routes:" + LAST + "silences:\n  - "
UNTIL = "until: 2026-12-01T08:00:00Z"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", ["the file", "None"]),
        ("routes: [", ["no YAML", "line 1"]),
        ("routes: []", ["routes", "[]", "length >= 1"]),
        ("routes:\n  - channels: []" + LAST, ["routes[0].channels", "[]"]),
        ("routes:\n  - sources: [ctgov]" + LAST, ["routes[0]", "required field `channels`"]),
        ("routes:\n  - chanels: [mail]" + LAST, ["routes[0]", "unknown field `chanels`", "typing mistake"]),
        ("routes:\n  - channels: [log]" + LAST, ["routes[0].channels[0]", "'log'", "mail, webhook, apprise"]),
        ("routes:\n  - {severities: [bad], channels: [mail]}" + LAST, ["severities[0]", "'bad'", "critical"]),
        ("routes:\n  - {kinds: [lat], channels: [mail]}" + LAST, ["routes[0].kinds", "'lat'", "is 'late' meant?"]),
        ("routes:\n  - {kinds: [zz], channels: [mail]}" + LAST, ["'zz'", "task-failed, task-killed"]),
        ("routes:\n  - {kinds: [], channels: [mail]}" + LAST, ["routes[0].kinds", "[]"]),
        ("routes:\n  - {sources: ['a b'], channels: [mail]}" + LAST, ["routes[0].sources[0]", "'a b'"]),
        ("routes:\n  - {to: [me], channels: [mail]}" + LAST, ["routes[0].to[0]", "'me'"]),
        ("routes:\n  - {to: [a@b.org], channels: [webhook]}" + LAST, ["routes[0].to", "no `mail`"]),
        ("routes:\n  - {sources: [ctgov], channels: [mail]}", ["routes[0]", "last", "add a last route"]),
        ("runbok: x\nroutes:" + LAST, ["unknown field `runbok`"]),
        ("repeat: {factor: 0}\nroutes:" + LAST, ["repeat.factor", "'0'", ">= 1"]),
        ("repeat: {at_most_hours: no}\nroutes:" + LAST, ["repeat.at_most_hours", "False"]),
        (SILENT + "{kinds: [late], " + UNTIL + "}", ["silences[0]", "required field `reason`", "why"]),
        (SILENT + "{kinds: [late], reason: short, " + UNTIL + "}", ["silences[0].reason", "'short'", ">= 10"]),
        (SILENT + "{kinds: [late], reason: '              ', " + UNTIL + "}", ["silences[0].reason", "few words"]),
        (SILENT + "{kinds: [late], reason: They move house}", ["required field `until`", "until when"]),
        (
            SILENT + "{kinds: [late], reason: They move house, until: 2026-12-01 08:00:00}",
            ["silences[0].until", "2026-12-01 08:00:00", "with its zone"],
        ),
        (SILENT + "{kinds: [late], reason: They move house, until: 2026-12-01}", ["until", "with its zone"]),
        (SILENT + "{kinds: [late], reason: They move house, until: soon}", ["until", "'soon'", "with its zone"]),
        (SILENT + "{reason: They move house, " + UNTIL + "}", ["silences[0]", "silence everything"]),
        (SILENT + "{kinds: [lates], reason: They move house, " + UNTIL + "}", ["silences[0].kinds", "'late'"]),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_its_value_and_what_to_do(
    load: Any, text: str, named: list[str]
) -> None:
    with pytest.raises(InvalidRouting) as raised:
        load(text)
    for part in ["alerts.yml", *named]:
        assert part in str(raised.value)
