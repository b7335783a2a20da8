"""What somebody decides reaches the others on call: once, whoever tells it, and by each channel."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from include.alerting import decided, episodes, silences
from include.alerting.delivery import Delivery
from include.operations import decisions
from include.publishing import hold, promotion
from include.publishing.policy import Policy
from include.registry import run_log
from include.registry.actions import DECISIONS, form, insert_action
from include.registry.registry import Registry
from include.storage.store import Store
from lastgood.notifiers import channels
from lastgood.notifiers.deployment import dispatcher
from tests import toy

pytestmark = pytest.mark.usefixtures("airflow_connections", "alert_log")
SIGNED: dict[str, Any] = {"who": "ana", "reason": "trial counts of Spain doubled, ticket 4712"}


def decide(registry: Registry, what: str = "hold", **more: Any) -> None:
    """Keep a decision as the shell does."""
    said = {"who": "ana", "source": "toy", "version": None, "reason": "a good one", **more}
    with registry.transaction() as cursor:
        insert_action(cursor, what=what, **said)


def words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


def told(registry: Registry) -> list[bool]:
    with registry.transaction() as cursor:
        cursor.execute("SELECT notified_at IS NOT NULL AS told FROM lastgood.action ORDER BY id")
        return [row["told"] for row in cursor.fetchall()]


def published(store: Store, registry: Registry) -> tuple[str, str]:
    """Two versions, the second of which is latest."""
    first, second = (toy.publish(store, registry, 2 + day, day=day) for day in (1, 2))
    return first.version, second.version


def test_a_rollback_in_a_shell_is_told_once_with_what_is_read_now_and_what_follows(
    store: Store, registry: Registry, mailbox: list[EmailMessage], webhook: list[Any]
) -> None:
    first, second = published(store, registry)
    decisions.rollback(store, registry, toy.SOURCE, **SIGNED)
    assert dispatcher().notify_decisions(registry) == (1, [])
    assert dispatcher().notify_decisions(registry) == (0, [])
    (mail,), (body,) = mailbox, webhook
    assert mail["Subject"] == f"[lastgood] toy: ana rolled back to {first}"
    for part in (
        "[decision] Reason: trial counts of Spain doubled, ticket 4712",
        f"WHAT CONSUMERS READ Consumers now read version {first}, with data as of",
        "WHAT FOLLOWS toy is on hold until somebody releases it: what the next runs bring is built and judged",
        "WHAT TO DO Nothing. If you would have decided otherwise, talk to ana before you undo it.",
        f"In place of: {second}",
        "Decided by: ana, in a shell",
    ):
        assert part in words(mail), words(mail)
    assert "SLEEP" not in words(mail) and "TRIED AGAIN" not in words(mail)
    assert (body["event"], body["kind"], body["severity"]) == ("news", "decision", "info")
    assert episodes.open_episodes(registry) == [] and episodes.undelivered(registry) == []


def test_a_hold_its_end_and_a_release_say_what_follows(
    store: Store, registry: Registry, mailbox: list[EmailMessage]
) -> None:
    _, latest = published(store, registry)
    until = datetime.now(UTC) + timedelta(days=2)
    decisions.put_on_hold(store, registry, toy.SOURCE, until=until, **SIGNED)
    dispatcher().notify_decisions(registry)
    decisions.release(store, registry, toy.SOURCE, **SIGNED)
    dispatcher().notify_decisions(registry)
    decisions.put_on_hold(store, registry, toy.SOURCE, **SIGNED)
    waiting = toy.stage(store, registry, 5, day=3)
    toy.judge(store, registry, waiting)
    promotion.promote(store, registry, toy.SOURCE, waiting.version, policy=Policy(), owner="run")
    decisions.release_version(store, registry, toy.SOURCE, waiting.version, **SIGNED)
    dispatcher().notify_decisions(registry)
    held, ended, again, released = mailbox
    assert "ana put it on hold" in held["Subject"] and f"on hold until {until:%Y-%m-%d %H:%M}" in words(held)
    assert f"Consumers keep reading version {latest}" in words(held)
    assert "ana ended the hold" in ended["Subject"] and "The next run publishes" in words(ended)
    assert "ana put it on hold" in again["Subject"]
    assert f"ana released {waiting.version}" in released["Subject"]
    assert f"Consumers now read version {waiting.version}" in words(released)
    assert "on hold" not in words(released) and hold.all_of(registry) == []


def test_an_acceptance_names_the_checks_that_it_overrides(
    store: Store, registry: Registry, mailbox: list[EmailMessage]
) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    toy.judge(store, registry, lower)
    decisions.accept(store, registry, toy.SOURCE, lower.version, **SIGNED)
    dispatcher().notify_decisions(registry)
    (mail,) = mailbox
    assert mail["Subject"] == f"[lastgood] toy: ana accepted {lower.version}"
    assert "Failed checks: " in words(mail) and f"now read version {lower.version}" in words(mail)


def test_what_changes_nothing_that_is_read_is_told_to_nobody(
    store: Store, registry: Registry, mailbox: list[EmailMessage]
) -> None:
    version, _ = published(store, registry)
    decisions.pin(store, registry, toy.SOURCE, version, **SIGNED)
    decisions.unpin(store, registry, toy.SOURCE, version, **SIGNED)
    until = datetime.now(UTC) + timedelta(hours=1)
    silences.add(registry, source=toy.SOURCE, kind=None, until=until, who="ana", reason="moving house")
    for what in ("retain", "backup", "migrate", "publish again", "repair pointer", "remove leftovers"):
        decide(registry, what)
    assert dispatcher().notify_decisions(registry) == (0, []) and mailbox == [] and all(told(registry))


@pytest.mark.parametrize("what", sorted(DECISIONS))
def test_every_decision_makes_a_message(registry: Registry, mailbox: list[EmailMessage], what: str) -> None:
    decide(registry, what, version="20261121T153000Z-41559e77", source="lastgood")
    assert dispatcher().notify_decisions(registry) == (1, [])
    (mail,) = mailbox
    assert "lastgood: ana " in mail["Subject"] and "decided:" not in mail["Subject"]
    assert "None" not in words(mail)


def test_a_form_leaves_a_link_to_its_run_for_whoever_tells(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    with form("lastgood_hold", "manual__1"):
        decide(registry)
    decide(registry)
    dispatcher().notify_decisions(registry)
    by_form, by_shell = map(words, mailbox)
    assert "Run of the form: http" in by_form and "/dags/lastgood_hold/runs/manual__1" in by_form
    assert "in a form" in by_form and "lastgood_hold" not in by_shell


def test_who_tell_at_once_tell_none_twice(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        decide(registry, reason=f"reason {number}")
    ready, sent = Barrier(3), list[str]()

    def send(names: Any, message: Any, to: Any) -> dict[str, str | None]:
        sent.append(message.plain["cause"])
        return {"mail": None}

    monkeypatch.setattr(channels, "send", send)

    def watch(_: int) -> int:
        ready.wait()
        return dispatcher().notify_decisions(registry)[0]

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(watch, range(3))) == 6
    assert sorted(sent) == [f"reason {number}" for number in range(6)]


def test_a_teller_that_dies_leaves_it_to_the_next(registry: Registry, mailbox: list[EmailMessage]) -> None:
    decide(registry)
    with pytest.raises(KeyboardInterrupt), decided.claim_next(registry) as telling:
        assert telling is not None
        with decided.claim_next(registry) as other:
            assert other is None, "somebody holds it"
        raise KeyboardInterrupt
    assert dispatcher().notify_decisions(registry) == (1, []) and len(mailbox) == 1


def test_a_channel_that_did_not_take_it_gets_it_with_the_next_pass_and_the_others_do_not(
    registry: Registry, mailbox: list[EmailMessage], webhook: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = channels.to_mail
    sent = [0]

    def refuse(*_: Any) -> None:
        sent[0] += 1
        raise channels.NotDelivered("the server is full")

    monkeypatch.setitem(channels._SENDERS, "mail", refuse)
    decide(registry, reason="first one")
    decide(registry, reason="second one")
    assert dispatcher().notify_decisions(registry) == (0, [])
    assert sent == [1], "a channel that does not answer is asked once in a round"
    causes = [body["cause"] for body in webhook]
    assert causes == ["first one", "second one", "the server is full"]
    assert told(registry) == [False, False]
    dispatcher().notify_decisions(registry)
    assert len(webhook) == 3 and sent == [2], "only that channel, and once"
    monkeypatch.setitem(channels._SENDERS, "mail", good)
    assert dispatcher().notify_decisions(registry) == (2, [])
    assert [mail["Subject"] for mail in mailbox] == ["[lastgood] toy: ana put it on hold"] * 2
    dispatcher().redeliver(registry)
    assert episodes.open_episodes(registry) == [], "the channel took a message, so it is well"


def test_a_channel_that_is_taken_away_has_nothing_to_catch_up_with(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(channels._SENDERS, "mail", lambda *_: 1 / 0)
    decide(registry)
    assert dispatcher().notify_decisions(registry)[0] == 0
    monkeypatch.delenv("AIRFLOW_CONN_LASTGOOD_SMTP")
    assert dispatcher().notify_decisions(registry)[0] == 1


def test_where_not_even_the_log_file_takes_it_it_stays_untold(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(registry)
    monkeypatch.setattr(Delivery, "to_log_file", lambda *_, **__: "OSError: no space left")
    assert dispatcher().notify_decisions(registry) == (0, ["no channel took 'toy: ana put it on hold'"])
    assert told(registry) == [False]


def test_without_any_channel_the_log_file_has_it(registry: Registry, alert_log: Path) -> None:
    decide(registry)
    assert dispatcher().notify_decisions(registry) == (1, [])
    (line,) = map(json.loads, alert_log.read_text(encoding="utf-8").splitlines())
    assert (line["event"], line["kind"], line["cause"]) == ("news", "decision", "a good one")


def test_only_a_silence_that_names_decisions_keeps_one_from_people(
    registry: Registry, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    def silence(kind: str | None) -> None:
        until = datetime.now(UTC) + timedelta(hours=1)
        silences.add(registry, source="toy", kind=kind, until=until, who="ana", reason="the upstream moves")

    silence(None)
    decide(registry)
    assert dispatcher().notify_decisions(registry) == (1, []) and len(mailbox) == 1
    silence("decision")
    decide(registry)
    assert dispatcher().notify_decisions(registry) == (1, []) and len(mailbox) == 1
    assert json.loads(alert_log.read_text(encoding="utf-8").splitlines()[-1])["silenced"]


def test_what_is_under_way_is_told_once_it_is_over_or_after_ten_minutes(
    store: Store, registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = 'x', "
            "lease_until = now() + interval '15 minutes'"
        )
    decide(registry, "retry", version=manifest.version)
    assert dispatcher().notify_decisions(registry) == (0, []) and mailbox == []
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.action SET at = at - interval '11 minutes'")
    assert dispatcher().notify_decisions(registry) == (1, [])
    assert "It is not published yet; recovery tries again by itself." in words(mailbox[0])
    decide(registry, "retry", version=manifest.version)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'failed', publish_error = 'disk full', lease_until = NULL"
        )
    dispatcher().notify_decisions(registry)
    assert "It is not published yet (disk full); recovery tries again by itself." in words(mailbox[1])


def test_a_replay_is_told_with_its_end(store: Store, registry: Registry, mailbox: list[EmailMessage]) -> None:
    version = "20261121T153000Z-41559e77"
    run_log.start(
        registry,
        source=toy.SOURCE,
        version=version,
        dag_id="lastgood_replay",
        run_id="replay__1",
        interval_start=None,
        interval_end=datetime.now(UTC),
        env="test",
        code_version="test",
    )
    decide(registry, "replay", version=version, details={"of": "20261120T153000Z-41559e77"})
    assert dispatcher().notify_decisions(registry) == (0, [])
    run_log.end(registry, toy.SOURCE, version, "fail", failed_step="build")
    assert dispatcher().notify_decisions(registry) == (1, [])
    (mail,) = mailbox
    assert mail["Subject"] == f"[lastgood] toy: ana had {version} rebuilt"
    assert "It failed at build, and nothing of it is published." in words(mail)
    assert "Made from: 20261120T153000Z-41559e77" in words(mail)


def test_what_is_a_week_old_is_no_news(registry: Registry, mailbox: list[EmailMessage]) -> None:
    decide(registry)
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.action SET at = at - interval '8 days'")
    assert dispatcher().notify_decisions(registry) == (0, []) and mailbox == []


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script> & </td>",
        "a\r\nBcc: all@example.org\n\n```<!channel>",
        "x" * 1000,
        "password=hunter2canary postgresql://u:hunter2canary@db/x",
    ],
)
def test_who_and_why_are_shown_as_text_whatever_they_are(
    registry: Registry,
    mailbox: list[EmailMessage],
    define_webhook: Callable[..., None],
    webhook: list[Any],
    hostile: str,
) -> None:
    define_webhook(extra={"form": "slack"})
    decide(registry, who=hostile, reason=hostile)
    assert dispatcher().notify_decisions(registry) == (1, [])
    (mail,), (slack,) = mailbox, webhook
    html = mail.get_body(("html",))
    assert html is not None and mail["Bcc"] is None
    assert "<script>" not in html.get_content() and "</td>  " not in html.get_content()
    shown = json.dumps(slack)
    assert "<!channel>" not in shown and "<script>" not in shown
    if "canary" in hostile:
        reason = " ".join(html.get_content().split()).partition("Reason:")[2].partition("</p>")[0]
        assert "hunter2canary" not in reason
