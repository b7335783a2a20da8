"""The pictures of mails in docs/images: python -m tests.alerting.pictures"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from include.alerting import message, redact
from include.alerting.alert import Alert, FailedCheck
from include.alerting.episodes import Episode
from tests.web import site
from tests.web.pictures import IMAGES

AT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
RUN = "scheduled__2026-11-22T15:30:00+00:00"
COMMON: dict[str, Any] = {
    "source": "ctgov",
    "at": AT,
    "occurrence": RUN,
    "run_id": RUN,
    "consumers": "Consumers keep reading version 20261121T153000Z-41559e77, with data as of 2026-11-21 15:30 UTC "
    "(1 day 8 hours old), published 2026-11-21 16:05 UTC.",
    "links": {"Run": f"https://airflow.example.org/dags/ctgov/runs/{RUN}"},
}
LATE = Alert(
    kind="late",
    cause="it was to be done by 2026-11-22 23:30 UTC and has been running since 2026-11-22 15:30 UTC",
    facts={"Queued": "2026-11-22 15:30 UTC"},
    **COMMON,
)
REJECTED = Alert(
    kind="gate-rejected",
    cause="ctgov 20261122T153000Z-9be2c1d0 did not pass its gate, consumers keep reading what they read. It cannot be "
    "accepted as it is. studies: enrollment is not negative (3; must be 0)",
    step="gate",
    try_number=1,
    tries=4,
    checks=(
        FailedCheck(
            sentence="studies: enrollment is not negative (3; must be 0)",
            rows=tuple(
                redact.row({"nct_id": number, "enrollment_count": count, "brief_title": title}, ("nct_id",))
                for number, count, title in (
                    ("NCT01234567", -1, "Pradatriptan in Preterm Birth"),
                    ("NCT07654321", -20, "A Study of Sleep"),
                )
            ),
        ),
        FailedCheck(sentence="changes: studies fell by at most 2 % (7.3; must be less than 2)"),
    ),
    **COMMON,
)


def main() -> None:
    """Render a late run, a rejected candidate and its end as a mail reader shows them."""
    first = Episode(
        id=1,
        alert=LATE,
        count=1,
        first_seen=AT,
        last_seen=AT,
        told=1,
        last_told=AT,
        recovered_at=None,
        delivered={},
        runs={},
    )
    over = {"alert": REJECTED, "recovered_at": AT + timedelta(hours=16, minutes=5)}
    mails: dict[str, tuple[dict[str, Any], message.Reason]] = {
        "mail_late": ({}, "first"),
        "mail_rejected": ({"alert": REJECTED}, "first"),
        "mail_recovered": (over, "recovered"),
    }
    with site.browser() as browser:
        for name, (changes, reason) in mails.items():
            episode = Episode(**{**{field: getattr(first, field) for field in first.__slots__}, **changes})
            composed = message.compose(
                episode, reason, "https://docs.example.org/runbook.md", AT + timedelta(minutes=1)
            )
            page = browser.new_page(viewport={"width": 720, "height": 300})
            page.set_content(composed.html)
            page.screenshot(path=IMAGES / f"{name}.png", full_page=True)
            page.close()


if __name__ == "__main__":
    main()
