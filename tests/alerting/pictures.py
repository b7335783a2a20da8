"""The pictures of mails in docs/images, as a phone shows them: python -m tests.alerting.pictures [FOLDER]"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from include.alerting import message, redact
from include.alerting.alert import KINDS, Alert, FailedCheck
from include.alerting.decided import Decision, alert_of
from include.alerting.episodes import Episode
from include.sources.sofascore.match_tables import COMPETITION_SEASONS
from tests.web import site
from tests.web.pictures import IMAGES

PHONE = 390
"""Width of most phones in CSS pixels."""
AT = datetime(2026, 11, 22, 16, 41, tzinfo=UTC)
RUN = "scheduled__2026-11-22T15:30:00+00:00"
UI = "https://airflow.example.org"
READ = (
    "Consumers keep reading version 20261121T153000Z-41559e77, with data as of 2026-11-21 15:30 UTC (1 day 1 hour "
    "old), published 2026-11-21 16:05 UTC."
)
COMMON: dict[str, Any] = {
    "source": "ctgov",
    "at": AT,
    "occurrence": RUN,
    "run_id": RUN,
    "consumers": READ,
    "fresh_until": datetime(2026, 11, 23, 4, 5, tzinfo=UTC),
}
LOG = {"Log of the task": f"{UI}/dags/ctgov/runs/{RUN}/tasks/extract"}
DOWN = Alert(
    kind="upstream-down",
    cause="Transient: GET clinicaltrials.gov/api/v2/studies?pageSize=1000 failed 6 times, the last time with: 503 "
    'text/html "Service Unavailable". Latest stays; the next try goes on where this one stopped.',
    step="extract",
    try_number=4,
    tries=4,
    links=LOG,
    **COMMON,
)
LATE = Alert(
    kind="late",
    cause="The run began at 2026-11-22 15:30 UTC and was to be done by 2026-11-22 19:30 UTC. extract failed 12 minutes "
    "ago and is to be tried again. It said: Transient: GET clinicaltrials.gov/api/v2/studies failed 6 times",
    step="extract",
    **COMMON,
)
REJECTED = Alert(
    kind="gate-rejected",
    cause="changes: studies fell by at most 2 % (7.3; must be less than 2); studies: no study is gone that was updated "
    "this month (2; must be 0). ctgov 20261122T153000Z-9be2c1d0 did not pass its gate, consumers keep reading what "
    "they read. If the new level is right, an operator can accept it with a reason (DAG lastgood_accept).",
    todo="Look at the failing rows. If the upstream means it and the new level is right, accept the version with a "
    "reason; where it does not, wait: each further run is judged again.",
    version="20261122T153000Z-9be2c1d0",
    step="gate",
    checks=(
        FailedCheck(sentence="changes: studies fell by at most 2 % (7.3; must be less than 2)"),
        FailedCheck(
            sentence="studies: no study is gone that was updated this month (2; must be 0)",
            rows=tuple(
                redact.row({"nct_id": number, "enrollment_count": count, "brief_title": title}, ("nct_id",))
                for number, count, title in (
                    ("NCT01234567", 120, "Pradatriptan in Preterm Birth"),
                    ("NCT07654321", 48, "A Study of Sleep"),
                )
            ),
        ),
    ),
    links={
        "Accept the version": f"{UI}/lastgood/accept?source=ctgov&version=20261122T153000Z-9be2c1d0",
        **LOG,
    },
    **COMMON,
)
CAUSE = (
    "Transient: GET www.sofascore.com/api/v1/event/{}/statistics failed 6 times, the last time with: 503 text/html "
    '"upstream connect error". What came is kept, latest stays, and the next try asks for the rest.'
)
UNITS = Alert(
    kind="upstream-down",
    cause=CAUSE.format(14083555),
    units={
        "Premier League 2026-27": CAUSE.format(14083555),
        "La Liga 2026-27": CAUSE.format(14025078),
        "Champions League 2026-27": CAUSE.format(14083555),
    },
    units_planned=12,
    unit="Champions League 2026-27",
    step="extract",
    try_number=4,
    tries=4,
    links=LOG,
    **{**COMMON, "source": "sofascore"},
)
WARNED = Alert(
    kind="gate-warned",
    cause="competition_seasons: every season has a round (2; warns: must be 0)",
    checks=(
        FailedCheck(
            sentence="competition_seasons: every season has a round (2; warns: must be 0)",
            rows=tuple(
                redact.row(
                    {
                        "competition_id": n,
                        "season_id": 76986 + n,
                        "rounds": None,
                        "competition": name,
                        "season": "2026-27",
                    },
                    COMPETITION_SEASONS.key,
                    ("competition", "season"),
                )
                for n, name in ((8, "La Liga"), (17, "Premier League"))
            ),
        ),
    ),
    step="promote",
    links=LOG,
    **{**COMMON, "source": "sofascore"},
)
IMPORT = Alert(
    kind="import-error",
    source="lastgood",
    what="ctgov.py",
    at=AT,
    occurrence="1",
    cause="ModuleNotFoundError: No module named 'lastgood.dags'\n"
    "ctgov.py, line 9: from lastgood.dags import source_dag",
    facts={"File": "ctgov.py", "Line": "9", "Code": "from lastgood.dags import source_dag"},
    consumers="Consumers keep reading the last good version; nothing newer comes while it lasts.",
)
DECIDED = Decision(
    id=1,
    at=AT,
    who="ana",
    what="rollback",
    source="ctgov",
    version="20261121T153000Z-41559e77",
    reason="trial counts of Spain doubled, ticket 4712",
    details={
        "from": "20261122T153000Z-9be2c1d0",
        "form": {"dag_id": "lastgood_rollback", "run_id": "manual__2026-11-22T16:40:12+00:00"},
    },
    delivered={},
    latest="20261121T153000Z-41559e77",
    state="published",
    publish_error=None,
    failed_step=None,
    held=True,
    until=None,
)
ROLLED_BACK = alert_of(
    DECIDED,
    READ.replace("keep reading", "now read").replace("2026-11-21 16:05", "2026-11-22 16:41"),
    {"Run of the form": f"{UI}/dags/lastgood_rollback/runs/manual__2026-11-22T16:40:12+00:00"},
)
PLACE = message.Place(
    runbook="https://wiki.example.org/lastgood/runbook",
    env="production",
    links={"Run": f"{UI}/dags/ctgov/runs/{RUN}", "DAG": f"{UI}/dags/ctgov"},
    next_run=datetime(2026, 11, 23, 15, 30, tzinfo=UTC),
    reads="Consumers keep reading version 20261123T153000Z-7d02ab4f, with data as of 2026-11-23 15:30 UTC (35 minutes "
    "old), published 2026-11-23 16:04 UTC.",
)


def episode(alert: Alert, **more: Any) -> Episode:
    """An episode of one alert that was just told."""
    first = {"id": 1, "count": 1, "first_seen": AT, "last_seen": AT, "notified": 1, "last_notified": AT}
    return Episode(**{**first, "alert": alert, "recovered_at": None, "delivered": {}, "runs": {}, **more})


def mails() -> dict[str, message.Message]:
    """Those of docs/images by the name of the picture, and one for each kind."""
    over = episode(DOWN, count=2, recovered_at=AT + timedelta(hours=23, minutes=25))
    soon = AT + timedelta(minutes=1)
    notified = {
        "mail_outage": (episode(DOWN), "first", ()),
        "mail_late": (episode(LATE), "first", ()),
        "mail_rejected": (episode(REJECTED), "first", ()),
        "mail_units": (episode(UNITS, count=3), "first", ()),
        "mail_import_error": (episode(IMPORT), "first", ()),
        "mail_recovered": (over, "recovered", (episode(LATE),)),
        "mail_decision": (episode(ROLLED_BACK), "news", ()),
        "kind_gate-warned-rows": (episode(WARNED), "first", ()),
        **{
            f"kind_{name}": (episode(replace_kind(name)), "news" if kind.news else "first", ())
            for name, kind in KINDS.items()
        },
    }
    of_news = replace(PLACE, links={"DAG": f"{UI}/dags/ctgov"})
    return {
        name: message.compose(one, reason, of_news if reason == "news" else PLACE, soon, also)  # type: ignore[arg-type]
        for name, (one, reason, also) in notified.items()
    }


def replace_kind(kind: str) -> Alert:
    """An alert of a kind with as little as there may be."""
    return Alert(
        kind=kind, source="ctgov", at=AT, occurrence="1", cause="A sentence that says why.", consumers=READ
    )


def main() -> None:
    """Write the pictures of docs/images; with a folder those of every kind too, into the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with site.browser() as browser:
        for name, composed in mails().items():
            if folder is None and name.startswith("kind_"):
                continue
            page = browser.new_page(viewport={"width": PHONE, "height": 300}, device_scale_factor=1.5)
            page.set_content(composed.html)
            page.screenshot(path=(folder or IMAGES) / f"{name}.png", full_page=True)
            page.close()


if __name__ == "__main__":
    main()
