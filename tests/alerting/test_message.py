"""A message says what broke, why, what consumers read and what to do, in every form and whatever the data holds."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerting import message
from include.alerting.alert import KINDS, Alert, FailedCheck
from include.alerting.episodes import Episode
from include.alerting.message import Message, Place, compose
from include.monitoring import doctor

T0 = datetime(2026, 11, 22, 5, 41, tzinfo=UTC)
RUNBOOK = "https://docs.example.org/runbook.md"
PLACE = Place(runbook=RUNBOOK)
RUN = "https://airflow.example.org/dags/ctgov/runs/1"


def alert(kind: str = "gate-rejected", /, **fields: Any) -> Alert:
    return Alert(
        kind=kind,
        **{
            "source": "ctgov",
            "what": "gate",
            "step": "gate",
            "try_number": 4,
            "tries": 4,
            "run_id": "scheduled__2026-11-22T05:00:00+00:00",
            "at": T0,
            "occurrence": "1",
            "cause": "2 of 148 checks failed.",
            "consumers": "Consumers keep reading version 20261121T050000Z-41559e77, 24 hours old.",
            "checks": (
                FailedCheck(
                    sentence="studies: enrollment is not negative (2; must_be: 0)",
                    rows=({"nct_id": "NCT01234567", "enrollment": -1}, {"nct_id": "NCT07654321", "enrollment": None}),
                ),
                FailedCheck(sentence="studies: rows fell by at most 2 % (7.3; must_be_less_than: 2)"),
            ),
            "facts": {"Candidate": "20261122T050000Z-9be2c1d0"},
            "links": {"Log of the task": "https://airflow.example.org/log?a=1&b=2"},
            **fields,
        },
    )  # fmt: skip


def episode(one: Alert, **fields: Any) -> Episode:
    return Episode(
        **{
            "id": 7,
            "alert": one,
            "count": 1,
            "first_seen": T0,
            "last_seen": T0,
            "notified": 1,
            "last_notified": T0,
            "recovered_at": None,
            "delivered": {},
            "runs": {},
            **fields,
        }
    )


class Seen(HTMLParser):
    """What a mail program makes of it: the words, the addresses, the elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.links, self.tags, self.attributes = "", list[str](), set[str](), set[str]()
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data + " "


def blocks(of: Message) -> str:
    return "\n".join(block["text"]["text"] for block in of.slack["blocks"])


def test_every_form_says_what_broke_why_what_consumers_read_and_what_to_do() -> None:
    said = compose(episode(alert()), "first", PLACE, T0)
    assert said.subject == "[lastgood] ctgov.gate: the candidate did not pass its checks"
    mail = Seen(said.html)
    assert not mail.open
    for form in (said.text, mail.words, blocks(said)):
        for part in (
            "the candidate did not pass its checks",
            "error",
            "4 of 4",
            "scheduled__2026-11-22T05:00:00+00:00",
            "2026-11-22 05:41 UTC",
            "2 of 148 checks failed.",
            "20261121T050000Z-41559e77, 24 hours old",
            "Look at the failing rows and mend what is wrong",
            "enrollment is not negative (2; must_be: 0)",
            "NCT07654321",
            "rows fell by at most 2 %",
            "20261122T050000Z-9be2c1d0",
        ):
            assert part in form
    assert mail.links == ["https://airflow.example.org/log?a=1&b=2", f"{RUNBOOK}#gate-rejected"]
    assert f"Runbook: {RUNBOOK}#gate-rejected" in said.text
    assert f"<{RUNBOOK}#gate-rejected|Runbook>" in blocks(said)
    assert "<https://airflow.example.org/log?a=1&amp;b=2|Log of the task>" in blocks(said)
    assert said.slack["text"] == said.subject == said.slack["blocks"][0]["text"]["text"]


def test_the_rows_of_the_text_stand_below_one_another() -> None:
    said = compose(episode(alert()), "first", PLACE, T0)
    assert "    nct_id       enrollment\n    NCT01234567  -1\n    NCT07654321  —\n" in said.text


def test_the_plain_form_keeps_its_fields() -> None:
    plain = compose(episode(alert(unit="season 25/26")), "first", PLACE, T0).plain
    assert plain == {
        "event": "first",
        "episode": 7,
        "env": None,
        "kind": "gate-rejected",
        "severity": "error",
        "source": "ctgov",
        "what": "gate",
        "step": "gate",
        "unit": "season 25/26",
        "units": {},
        "units_planned": None,
        "run_id": "scheduled__2026-11-22T05:00:00+00:00",
        "version": None,
        "try": 4,
        "tries": 4,
        "title": "ctgov.gate: the candidate did not pass its checks",
        "cause": "2 of 148 checks failed.",
        "consumers": "Consumers keep reading version 20261121T050000Z-41559e77, 24 hours old.",
        "fresh_until": None,
        "sleep": "Yes.",
        "effect": None,
        "next_run": None,
        "also": [],
        "todo": KINDS["gate-rejected"].todo,
        "runbook": f"{RUNBOOK}#gate-rejected",
        "checks": [
            {
                "sentence": "studies: enrollment is not negative (2; must_be: 0)",
                "rows": [
                    {"nct_id": "NCT01234567", "enrollment": -1},
                    {"nct_id": "NCT07654321", "enrollment": None},
                ],
            },
            {"sentence": "studies: rows fell by at most 2 % (7.3; must_be_less_than: 2)", "rows": []},
        ],
        "facts": {"Candidate": "20261122T050000Z-9be2c1d0"},
        "links": {"Log of the task": "https://airflow.example.org/log?a=1&b=2"},
        "count": 1,
        "first_seen": "2026-11-22T05:41:00+00:00",
        "last_seen": "2026-11-22T05:41:00+00:00",
        "recovered_at": None,
        "lasted_seconds": 0,
    }
    assert plain.keys() == set(compose(episode(alert()), "recovered", PLACE, T0).plain)
    for name in plain:
        assert name in (Message.__doc__ or "")


@pytest.mark.parametrize(
    ("count", "ending"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (21, "21st"),
        (113, "113th"),
    ],
)
def test_what_is_told_again_says_for_the_how_manieth_time(count: int, ending: str) -> None:
    seen = episode(alert(), count=count, last_seen=T0 + timedelta(hours=5))
    said = compose(seen, "again", PLACE, T0)
    assert said.subject.endswith(f" ({ending} time)")
    if count > 1:
        assert (
            f"First seen: 2026-11-22 05:41 UTC\n  Seen: {message._times(count)}, last 2026-11-22 10:41 UTC"
            in (said.text)
        )


@pytest.mark.parametrize(
    ("lasted", "words"),
    [
        (timedelta(seconds=-5), "less than a minute"),
        (timedelta(minutes=61), "1 hour 1 minute"),
    ],
)
def test_what_is_over_says_how_long_it_lasted_and_how_often_it_was_seen(
    lasted: timedelta, words: str
) -> None:
    over = episode(alert(), count=3, recovered_at=T0 + lasted)
    said = compose(over, "recovered", PLACE, T0 + timedelta(days=9))
    assert said.subject == "[lastgood] Recovered: ctgov.gate: a candidate did not pass its checks"
    for form in (
        said.text,
        " ".join(Seen(said.html).words.split()).replace("Lasted ", "Lasted: "),
        blocks(said),
    ):
        assert f"Lasted: {words}" in form and "3 times" in form
        assert (
            KINDS["gate-rejected"].todo not in form
            and "May I sleep" not in form
            and "MAY I SLEEP" not in form
        )
    assert said.plain["event"] == "recovered"
    assert said.plain["lasted_seconds"] == max(lasted.total_seconds(), 0)
    assert said.plain["recovered_at"] is not None


def test_a_runbook_that_is_a_file_is_named_and_not_linked() -> None:
    said = compose(episode(alert()), "first", Place(runbook="docs/runbook.md"), T0)
    assert "docs/runbook.md#gate-rejected" in Seen(said.html).words
    assert "docs/runbook.md#gate-rejected" in blocks(said)
    assert Seen(said.html).links == ["https://airflow.example.org/log?a=1&b=2"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//x.example/",
        "https:///x",
        "file:///etc/passwd",
        "http://[x",
        "https://x.example/\nx",
        "https://x.example/" + "x" * 5000,
        "",
    ],
)
def test_only_web_addresses_are_links(url: str) -> None:
    said = compose(episode(alert(links={"Odd": url, "Run": "http://localhost:8080/x"})), "first", PLACE, T0)
    assert Seen(said.html).links == ["http://localhost:8080/x", f"{RUNBOOK}#gate-rejected"]
    assert said.plain["links"] == {"Run": "http://localhost:8080/x"}
    assert "Odd" not in said.text + blocks(said)


def test_endless_data_is_cut_and_what_is_left_out_is_said() -> None:
    rows = tuple({f"column{n}": "x" * 9000 for n in range(50)} for _ in range(99))
    endless = alert(
        checks=tuple(FailedCheck(sentence=f"check {n}", rows=rows) for n in range(200)),
        facts={f"fact {n}": "y" * 9000 for n in range(500)},
        cause="z\n" * 9000,
    )
    said = compose(episode(endless), "first", PLACE, T0)
    assert len(said.text) < 60_000 and len(said.html) < 100_000
    assert len(said.slack["blocks"]) <= 50 and all(
        len(b["text"]["text"]) <= 3000 for b in said.slack["blocks"]
    )
    for form in (said.text, Seen(said.html).words):
        assert "and 94 more rows and 44 more columns" in form and "and 190 more checks" in form


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reason", ["first", "again", "recovered"])
def test_every_kind_of_alert_makes_a_message(kind: str, reason: Any) -> None:
    bare = Alert(kind=kind, source="lastgood", at=T0, occurrence="1", cause="x", consumers="y")
    said = compose(episode(bare, count=2), reason, PLACE, T0)
    words = KINDS[kind].was if reason == "recovered" else KINDS[kind].headline
    assert words in said.subject and "None" not in said.text + said.html + blocks(said)


# --- what is read first, on a phone ---


def test_the_deployment_stands_in_front_of_the_subject_and_the_cause_below_the_headline() -> None:
    said = compose(
        episode(alert("upstream-down", what="", cause="Transient: GET …/studies answered 503", checks=())),
        "first",
        Place(runbook=RUNBOOK, env="production"),
        T0,
    )
    assert said.subject == "[production] ctgov: the upstream does not answer"
    assert said.text.startswith(
        f"{said.subject}\n[error] Transient: GET …/studies answered 503\n\nMAY I SLEEP?"
    )
    assert said.slack["blocks"][1]["text"]["text"] == "*error*: Transient: GET …/studies answered 503"
    assert said.text.count("answered 503") == 1, "what the lead has said whole is not said again"


def test_the_parts_come_in_the_order_in_which_they_are_needed() -> None:
    place = Place(runbook=RUNBOOK, env="production", links={"Run": RUN}, next_run=T0 + timedelta(hours=10))
    said = compose(episode(alert(cause="x " * 300)), "first", place, T0)
    order = ["May I sleep?", "What to do", "Checks", "Why", "When it is tried again", "Details"]
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", said.html) == order
    assert re.findall(r"(?m)^([A-Z ?]+)$", said.text) == [heading.upper() for heading in order]
    assert re.findall(r"(?m)^\*([^*]+)\*$", blocks(said)) == order
    assert Seen(said.html).links == [
        "https://airflow.example.org/log?a=1&b=2",
        RUN,
        f"{RUNBOOK}#gate-rejected",
    ]
    words = " ".join(said.text.split())
    assert (
        "It was tried 4 times and is not tried again in this run. The next run is due 2026-11-22 15:41"
        in words
    )


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        (
            "task-failed",
            {"fresh_until": T0 + timedelta(hours=9)},
            "Yes, until 2026-11-22 14:41 UTC: for another 9 hours",
        ),
        (
            "task-failed",
            {"fresh_until": T0 - timedelta(hours=9)},
            "No: consumers have read data older than promised since",
        ),
        ("task-failed", {}, "Yes."),
        ("gate-warned", {"fresh_until": T0 - timedelta(hours=9)}, "Yes."),
        ("zero-rows", {"fresh_until": T0 + timedelta(hours=9)}, "No: consumers read an empty table."),
        ("import-error", {}, "No: its DAG does not run until the file is mended."),
        ("import-error", {"severity": "warning"}, "Yes."),
    ],
)
def test_who_is_woken_reads_whether_to_go_on_sleeping(kind: str, fields: dict[str, Any], says: str) -> None:
    said = compose(episode(alert(kind, **fields)), "first", PLACE, T0)
    assert said.plain["sleep"].startswith(says)
    assert f"MAY I SLEEP?\n  {says}" in said.text


def test_a_deployment_that_is_not_set_up_is_looked_at_again_when_the_message_says_so() -> None:
    said = compose(episode(alert("setup", what="")), "first", PLACE, T0)
    assert timedelta(hours=1) == doctor.AGAIN_WHILE_WRONG
    assert (
        "The doctor looks again every hour, or at once when you trigger DAG lastgood_doctor; you are told again once "
        "a day, and when it is over."
    ) in said.text
    assert "five minutes" not in said.text


def test_no_try_is_counted_where_nothing_is_tried_again() -> None:
    said = compose(episode(alert(try_number=None, tries=None)), "first", PLACE, T0)
    assert "It is not tried again in this run." in said.text and "Try:" not in said.text


def test_all_units_that_failed_are_named_with_their_number_and_their_whole_causes() -> None:
    long = "Transient: " + "x" * 1500
    units = {"Cup 24/25": long, "League 24/25": "Transient: 504", "Cup 25/26": long}
    one = alert(
        "upstream-down", what="", units=units, units_planned=12, unit="Cup 25/26", cause=long, checks=()
    )
    said = compose(episode(one), "first", PLACE, T0)
    assert said.subject == "[lastgood] ctgov: 3 of 12 units failed, the upstream did not answer"
    for form in (said.text, Seen(said.html).words):
        words = form.replace("\n", "")
        assert (
            "3 of 12 units failed: Cup 24/25, Cup 25/26, League 24/25." in form
            and "League 24/25: Transient: 504" in form
        )
        assert "Cup 24/25, Cup 25/26: Transient: " in form and "x" * 1000 in words
    assert said.plain["units"] == units


def test_what_is_over_says_what_is_read_now_and_what_is_over_with_it() -> None:
    over = episode(alert("upstream-down", what=""), recovered_at=T0 + timedelta(hours=3))
    late = episode(alert("late", what="", step="extract", cause="It was to be done by five."), id=8)
    place = Place(runbook=RUNBOOK, reads="Consumers keep reading version 20261122T080000Z-00000000.")
    said = compose(over, "recovered", place, T0, [late])
    assert said.subject == "[lastgood] Recovered: ctgov: the upstream did not answer, and 1 more"
    for form in (said.text, Seen(said.html).words, blocks(said)):
        assert "20261122T080000Z-00000000" in form and "20261121T050000Z-41559e77" not in form
        assert "a run was not done in time: It was to be done by five." in form
    assert said.plain["also"] == ["ctgov: a run was not done in time"]
    assert "20261122T080000Z" in said.plain["consumers"]


def test_a_late_run_names_the_step_it_is_at() -> None:
    said = compose(episode(alert("late", what="", step="extract")), "first", PLACE, T0)
    assert said.subject == "[lastgood] ctgov: the run is not done in time, it is at extract"


TEXT = st.text(max_size=40) | st.sampled_from(
    ["<script>", "'\"><img src=x onerror=y>", "&<>" * 2000, "x" * 9000, "```<!channel>", "</td>", "]]>-->",
     "a\r\nb\n\n" * 50]
)  # fmt: skip
VALUE = TEXT | st.none() | st.integers() | st.booleans()


@settings(max_examples=25, deadline=None)
@given(
    alert=st.builds(
        alert,
        st.sampled_from(sorted(KINDS)),
        source=TEXT,
        what=TEXT,
        step=TEXT,
        unit=TEXT,
        run_id=TEXT,
        cause=TEXT,
        consumers=TEXT,
        units=st.dictionaries(TEXT, TEXT, max_size=5),
        todo=st.none() | TEXT,
        version=st.none() | TEXT,
        facts=st.dictionaries(TEXT, TEXT, max_size=10),
        links=st.dictionaries(TEXT, TEXT.map(lambda t: f"https://x.example/{t}"), max_size=20),
        checks=st.lists(
            st.builds(
                FailedCheck,
                sentence=TEXT,
                rows=st.lists(st.dictionaries(TEXT, VALUE, max_size=8), max_size=7).map(tuple),
            ),
            max_size=12,
        ).map(tuple),
    ),
    reason=st.sampled_from(["first", "again", "recovered"]),
    count=st.integers(1, 10**9),
)
def test_hostile_words_stay_words_and_every_limit_holds(alert: Alert, reason: Any, count: int) -> None:
    said = compose(episode(alert, count=count), reason, PLACE, T0)
    assert len(said.subject) <= message.SUBJECT and said.subject.isprintable()
    assert len(said.text) < 60_000 and len(said.html) < 100_000
    mail = Seen(said.html)
    assert not mail.open
    assert mail.tags <= set("html head meta title body table tr td th span h1 h2 p a b br div".split())  # noqa: SIM905
    assert not [name for name in mail.attributes if name.startswith("on")]
    assert all(link.startswith("https://") for link in mail.links)
    assert len(said.slack["blocks"]) <= 50
    for number, block in enumerate(said.slack["blocks"]):
        words = block["text"]["text"]
        assert 0 < len(words) <= (3000 if number else 150)
        assert "<!" not in words and "<@" not in words and words.count("```") % 2 == 0
    json.dumps([said.slack, said.plain])
