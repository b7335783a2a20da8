"""From an alert to people: once, to those of the route, also with a broken channel or without a registry."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from include.alerting import delivery, dispatch, episodes, silences
from include.alerting.alert import Alert
from include.alerting.delivery import Delivery
from include.alerting.episodes import Proof
from include.alerting.outage import Outage
from include.registry.registry import Registry
from include.storage.remote import StoreError
from include.storage.store import Store
from lastgood.notifiers import channels
from lastgood.notifiers.deployment import AirflowDeployment, dispatcher
from tests import toy

pytestmark = pytest.mark.usefixtures("airflow_connections", "alert_log")


def alert(occurrence: str = "one", *, kind: str = "task-failed", what: str = "extract", **more: Any) -> Alert:
    return Alert(
        **{
            "kind": kind,
            "source": "toy",
            "what": what,
            "at": datetime.now(UTC),
            "occurrence": occurrence,
            "cause": "ValueError: boom",
            "run_id": f"run-{occurrence}",
            "consumers": "Consumers keep reading version 1.",
            **more,
        }
    )


def events(alert_log: Path) -> list[tuple[str, str]]:
    return [(line["event"], line["kind"]) for line in map(json.loads, alert_log.read_text().splitlines())]


@pytest.fixture
def broken_mail(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Breaks the connection lastgood_smtp; calling it mends it again."""
    name = "AIRFLOW_CONN_LASTGOOD_SMTP"
    good = os.environ.get(name, "")
    monkeypatch.setenv(
        name, json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "extra": {"to": "a@b.example"}})
    )
    return lambda: monkeypatch.setenv(name, good)


SILENCE = "silences: [{kinds: [task-failed], reason: moving house, until: 2100-01-01T00:00:00Z}]"


def use_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Another alerts.yml."""
    from include.alerting import routing

    path, load = tmp_path / "alerts.yml", routing.load
    path.write_text(text)
    monkeypatch.setattr(routing, "load", lambda: load(path))


def test_the_same_happening_is_told_once_and_another_one_after_a_pause(
    registry: Registry, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    first = alert("one")
    for _ in range(2):
        dispatcher().notify(first)
    dispatcher().notify(alert("two"))
    dispatcher().notify(alert("three", at=datetime.now(UTC) + timedelta(days=2)))
    assert len(mailbox) == 2
    assert events(alert_log) == [("first", "task-failed"), ("again", "task-failed")]


def test_a_broken_channel_stops_no_other_and_is_told_of_once_through_them(
    mailbox: list[EmailMessage],
    broken_mail: Callable[[], None],
    registry: Registry,
    webhook: list[Any],
    alert_log: Path,
) -> None:
    dispatcher().notify(alert("one"))
    dispatcher().notify(alert("two", what="build"))
    assert len(mailbox) == 0 and len(webhook) == 3
    assert events(alert_log) == [
        ("first", "task-failed"),
        ("first", "channel-broken"),
        ("first", "task-failed"),
    ]
    (channel,) = [e for e in episodes.open_episodes(registry) if e.alert.kind == "channel-broken"]
    assert (channel.alert.what, channel.count) == ("mail", 2)
    assert channel.alert.cause == "the connection lastgood_smtp has no `from_email` in its extra"

    assert dispatcher().redeliver(registry) == 0
    assert len(mailbox) == 0 and len(webhook) == 3, "others are not told twice"
    broken_mail()
    assert dispatcher().redeliver(registry) == 2
    assert len(webhook) == 4, "the channel is well again"
    assert len(mailbox) == 3
    assert dispatcher().redeliver(registry) == 0
    assert [e.alert.kind for e in episodes.open_episodes(registry)] == ["task-failed"] * 2


def test_a_channel_that_is_taken_away_has_nothing_to_catch_up_with(
    broken_mail: Callable[[], None], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher().notify(alert())
    monkeypatch.delenv("AIRFLOW_CONN_LASTGOOD_SMTP")
    dispatcher().redeliver(registry)
    assert episodes.undelivered(registry) == []


def test_a_channel_of_which_nothing_waits_is_well_once_it_took_a_message(
    mailbox: list[EmailMessage],
    broken_mail: Callable[[], None],
    registry: Registry,
    webhook: list[Any],
) -> None:
    dispatcher().notify(alert("one"))
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.alert SET delivered = '{}' || delivered - 'mail'")
    dispatcher().redeliver(registry)
    kinds = [e.alert.kind for e in episodes.open_episodes(registry)]
    assert kinds == ["task-failed", "channel-broken"], "that nothing waits proves nothing"
    broken_mail()
    dispatcher().notify(alert("two", what="build"))
    dispatcher().redeliver(registry)
    assert [e.alert.kind for e in episodes.open_episodes(registry)] == ["task-failed"] * 2


def test_a_silenced_alert_is_in_the_log_file_alone_with_the_reason(
    registry: Registry,
    mailbox: list[EmailMessage],
    alert_log: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    use_rules(monkeypatch, tmp_path, f"routes: [{{channels: [mail]}}]\n{SILENCE}")
    dispatcher().notify(alert())
    assert mailbox == []
    (line,) = map(json.loads, alert_log.read_text().splitlines())
    assert (line["event"], line["silenced"]) == ("silenced", "moving house")


def test_the_line_of_what_is_over_does_not_say_that_it_is_so_now(
    registry: Registry, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    dispatcher().notify(alert())
    dispatcher().notify_recovered(episodes.recover_absent(registry, set(), {"task-failed"}))
    begun, over = map(json.loads, alert_log.read_text().splitlines())
    assert begun["consumers"] == over["consumers_then"] == "Consumers keep reading version 1."
    assert over["event"] == "recovered" and "consumers" not in over


def test_a_silence_by_command_holds_until_it_is_over_or_ended(
    mailbox: list[EmailMessage], alert_log: Path, registry: Registry
) -> None:
    def silence(hours: float, kind: str | None = None) -> None:
        until = datetime.now(UTC) + timedelta(hours=hours)
        silences.add(registry, source="toy", kind=kind, until=until, who="ana", reason="moving house today")

    silence(2, "late")
    dispatcher().notify(alert("one"))
    assert len(mailbox) == 1, "only another kind is silenced"
    silence(2)
    dispatcher().notify(alert("two", what="build"))
    assert len(mailbox) == 1
    line = json.loads(alert_log.read_text().splitlines()[-1])
    assert (line["event"], line["silenced"]) == ("silenced", "moving house today")
    silence(0)
    dispatcher().notify(alert("three", what="gate"))
    assert len(mailbox) == 2


def test_a_silence_holds_for_the_end_of_a_trouble_too(
    registry: Registry,
    mailbox: list[EmailMessage],
    alert_log: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    dispatcher().notify(alert())
    use_rules(monkeypatch, tmp_path, f"routes: [{{channels: [mail]}}]\n{SILENCE}")
    later = datetime.now(UTC) + timedelta(seconds=1)
    dispatcher().notify_recovered(
        episodes.recover(registry, "toy", Proof(run_id="later", began=later)), registry
    )
    monkeypatch.setattr(episodes, "GRACE", timedelta(0))
    assert dispatcher().redeliver(registry) == 0
    assert len(mailbox) == 1
    assert events(alert_log) == [("first", "task-failed"), ("recovered", "task-failed")]


def test_what_could_not_be_delivered_waits_while_it_is_silenced(
    mailbox: list[EmailMessage],
    broken_mail: Callable[[], None],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    dispatcher().notify(alert())
    with monkeypatch.context() as silent:
        use_rules(silent, tmp_path, f"routes: [{{channels: [mail]}}]\n{SILENCE}")
        broken_mail()
        assert dispatcher().redeliver(registry) == 0 and mailbox == []
    assert dispatcher().redeliver(registry) == 1


def test_more_messages_than_one_round_takes_are_through_after_a_few(
    mailbox: list[EmailMessage],
    broken_mail: Callable[[], None],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch, "REDELIVERED", 2)
    for number in range(3):
        dispatcher().notify(alert(what=f"step{number}", run_id=None))
    broken_mail()
    assert [dispatcher().redeliver(registry) for _ in range(3)] == [2, 1, 0]
    assert len(mailbox) == 4, "and that the channel is well again"


def test_an_alert_goes_the_way_of_its_route(
    registry: Registry,
    mailbox: list[EmailMessage],
    webhook: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    football = "{sources: [toy], channels: [mail], to: [toys@test.example]}"
    use_rules(monkeypatch, tmp_path, f"routes: [{football}, {{channels: [webhook]}}]")
    dispatcher().notify(alert())
    dispatcher().notify(alert(source="ctgov"))
    assert [mail["To"] for mail in mailbox] == ["toys@test.example"] and len(webhook) == 1


def test_a_mistake_in_the_routing_costs_no_message(
    registry: Registry,
    mailbox: list[EmailMessage],
    webhook: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    use_rules(monkeypatch, tmp_path, "routes: [pigeon]")
    dispatcher().notify(alert())
    assert len(mailbox) == len(webhook) == 1


def test_a_message_that_cannot_be_composed_is_sent_plainly(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr("include.alerting.message.compose", broken)
    dispatcher().notify(alert())
    body = mailbox[0].get_body(("plain",))
    assert body is not None and "ValueError: boom" in body.get_content()


def test_an_alert_that_no_channel_takes_is_an_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "file"))
    with pytest.raises(RuntimeError, match="no channel took the alert"):
        dispatcher().notify(alert())


# --- where a worker's disk is gone with the worker ---


def kept(store: Store) -> list[tuple[str, str]]:
    """Event and kind of what is kept in the store, in the order of its names."""
    lines = [line for key in sorted(store.list("alerts/told")) for line in store.read_bytes(key).splitlines()]
    return sorted((line["event"], line["kind"]) for line in map(json.loads, lines))


def test_what_people_are_told_is_kept_in_the_store_too(
    registry: Registry, store: Store, mailbox: list[EmailMessage], no_registry: None
) -> None:
    dispatcher().notify(alert("one"), registry)
    dispatcher().notify(alert("one"), registry)
    proof = Proof(run_id="later", began=datetime.now(UTC) + timedelta(seconds=1))
    dispatcher().notify_recovered(episodes.recover(registry, "toy", proof), registry)
    dispatcher().notify(alert("two"))
    assert kept(store) == [("first", "registry-down"), ("first", "task-failed"), ("recovered", "task-failed")]


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_a_store_that_cannot_keep_it_costs_no_message(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ended = Event()

    def away(*_: Any) -> None:
        if how == "hangs":
            ended.wait(30)
        raise StoreError("no endpoint")

    monkeypatch.setattr(Store, "write_bytes", away)
    monkeypatch.setattr(delivery, "STORE_SECONDS", 0.05)
    dispatcher().notify(alert())
    ended.set()
    assert len(mailbox) == 1


def test_the_log_file_takes_one_json_line_each(alert_log: Path) -> None:
    log_file = Delivery(AirflowDeployment())
    for cause in ("first\nline", "second"):
        assert log_file.to_log_file(alert(cause=cause), "first", datetime.now(UTC)) is None
    causes = [json.loads(line)["cause"] for line in alert_log.read_text(encoding="utf-8").splitlines()]
    assert causes == ["first\nline", "second"]


# --- what a message says of the deployment ---


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def test_a_message_names_the_deployment_its_runbook_its_pages_and_the_next_run(
    registry: Registry, mailbox: list[EmailMessage], webhook: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASTGOOD_ENV", "staging")
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_RUNBOOK", "https://wiki.example.org/runbook")
    dispatcher().notify(alert(source="ctgov", what="extract"))
    assert mailbox[0]["Subject"] == "[staging] ctgov.extract: the step failed"
    text = text_of(mailbox[0])
    assert "Runbook: https://wiki.example.org/runbook#task-failed" in text
    assert "Run: http://localhost:8080/dags/ctgov/runs/run-one DAG: http://localhost:8080/dags/ctgov " in text
    assert "The next run is due " in text and " 15:30 UTC, in " in text
    assert webhook[0]["env"] == "staging" and webhook[0]["next_run"].endswith("T15:30:00+00:00")
    dispatcher().notify(alert(kind="backup-old", source="lastgood", what="", run_id=None))
    assert "Airflow: http://localhost:8080" in text_of(mailbox[1])


def test_what_cannot_be_found_out_about_the_deployment_costs_no_message(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("a mistake of ours")

    for name in ("runbook", "ui_url", "next_run"):
        monkeypatch.setattr(AirflowDeployment, name, broken)
    monkeypatch.setattr(delivery, "environment", broken)
    dispatcher().notify(alert())
    assert "Runbook: docs/runbook.md#task-failed" in text_of(mailbox[0])


def test_what_is_over_at_once_is_one_message_and_says_what_is_read_now(
    registry: Registry, store: Store, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    for number, what in enumerate(("extract", "build")):
        dispatcher().notify(alert(str(number), what=what, step=what))
    version = toy.publish(store, registry, 3, day=1).version
    proof = Proof(run_id="later", began=datetime.now(UTC) + timedelta(seconds=1))
    dispatcher().notify_recovered(episodes.recover(registry, "toy", proof), registry)
    assert [mail["Subject"] for mail in mailbox[2:]] == [
        "[lastgood] Recovered: toy.extract: the step failed, and 1 more"
    ]
    assert f"Consumers keep reading version {version}" in text_of(mailbox[2])
    assert "toy.build: the step failed: ValueError: boom" in text_of(mailbox[2])
    assert [event for event, _ in events(alert_log)].count("recovered") == 2
    assert episodes.undelivered(registry) == []


def test_units_that_are_held_back_are_told_by_the_watch_where_their_run_does_not_end(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = {"unit": "Cup", "units": {"Cup": "ValueError: boom"}, "run_id": "run"}
    dispatcher().notify(alert(**unit), hold=True)
    dispatcher().notify_held(registry)
    assert mailbox == []
    monkeypatch.setattr(dispatch, "HELD", timedelta(0))
    for _ in range(2):
        dispatcher().notify_held(registry)
    assert len(mailbox) == 1 and "1 unit failed: Cup." in text_of(mailbox[0])


def test_units_of_a_silenced_source_stay_untold(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_rules(monkeypatch, tmp_path, f"routes: [{{channels: [mail]}}]\n{SILENCE}")
    unit = {"unit": "Cup", "units": {"Cup": "ValueError: boom"}, "run_id": "run"}
    dispatcher().notify(alert(**unit), hold=True)
    dispatcher().notify(alert("run", kind="run-failed", what="", run_id="run"), run_is_over=True)
    assert mailbox == []


# --- without a registry ---


def test_an_outage_of_the_registry_is_one_message_and_its_end_names_the_runs(
    registry: Registry,
    store: Store,
    mailbox: list[EmailMessage],
    webhook: list[Any],
    alert_log: Path,
    no_registry: None,
) -> None:
    assert not dispatcher().registry_is_back(registry, store)
    for number in range(3):
        dispatcher().notify(alert(f"{number}"))
    assert len(mailbox) == len(webhook) == 1
    assert "registry" in mailbox[0]["Subject"]
    body = mailbox[0].get_body(("plain",))
    assert (
        body is not None and "toy.extract" in body.get_content() and "ValueError: boom" in body.get_content()
    )

    dispatcher().notify(alert("1", kind="task-killed"), registry)
    assert len(mailbox) == 1, "its run was told of with the outage"
    assert dispatcher().registry_is_back(registry, store)
    assert len(mailbox) == len(webhook) == 2
    body = mailbox[1].get_body(("plain",))
    assert body is not None and all(f"run-{number}" in body.get_content() for number in range(3))
    assert not dispatcher().registry_is_back(registry, store)
    assert len(mailbox) == 2


def test_what_airflow_says_of_a_run_after_the_outage_that_it_met_is_not_told_again(
    registry: Registry, store: Store, mailbox: list[EmailMessage], no_registry: None
) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    dispatcher().notify(alert("one", step="extract"), began=began)
    assert dispatcher().registry_is_back(registry, store)
    dispatcher().notify(alert("the run", kind="run-failed", what="", run_id="run-one"), registry, began=began)
    assert len(mailbox) == 2, "the outage and its end"
    cleared = datetime.now(UTC)
    again = alert("later", step="extract", run_id="run-one", at=cleared + timedelta(seconds=1))
    dispatcher().notify(again, registry, began=cleared)
    assert len(mailbox) == 3, "another attempt that fails alike is news"


def test_where_the_store_is_away_too_the_log_folder_remembers(
    registry: Registry,
    store: Store,
    mailbox: list[EmailMessage],
    no_registry: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AIRFLOW_VAR_LASTGOOD_ROOT")
    for number in range(2):
        dispatcher().notify(alert(f"{number}"))
    assert len(mailbox) == 1
    assert list((channels.log_folder() / "lastgood" / "alerts").rglob("told-*"))
    assert dispatcher().registry_is_back(registry, store) and len(mailbox) == 2


def test_what_is_wrong_with_the_registry_itself_is_told_in_its_own_words(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.schema_version SET version_num = '9999'")
    dispatcher().notify(alert())
    (mail,) = mailbox
    body = mail.get_body(("plain",))
    assert body is not None and "deploy a release at least as new" in " ".join(body.get_content().split())


def test_a_mistake_of_ours_on_the_way_to_the_registry_costs_no_message(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("a mistake of ours")

    for act in ("note", "delivered"):
        with monkeypatch.context() as patched:
            patched.setattr(episodes, act, broken)
            dispatcher().notify(alert(act, what=act))
    assert len(mailbox) == 2


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_a_store_that_is_away_costs_no_message(
    registry: Registry,
    store: Store,
    mailbox: list[EmailMessage],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    how: str,
) -> None:
    ended = Event()

    def away(self: Store, _prefix: str) -> list[str]:
        if self.root != store.root:
            return present(self, _prefix)
        if how == "hangs":
            ended.wait(30)
        raise StoreError("no endpoint")

    present = Store.list
    monkeypatch.setattr(Store, "list", away)
    if how == "hangs":
        monkeypatch.setattr(delivery, "STORE_SECONDS", 1.0)
    dispatcher().notify(alert("one"))
    assert len(mailbox) == 1
    request.getfixturevalue("no_registry")
    for number in range(2):
        dispatcher().notify(alert(f"{number}"))
    ended.set()
    assert len(mailbox) == 2, "the log folder remembers"
    assert dispatcher().registry_is_back(registry, store) and len(mailbox) == 3


def test_the_log_file_has_the_line_before_the_store_is_asked(
    mailbox: list[EmailMessage], alert_log: Path, no_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[tuple[str, str]]] = []
    monkeypatch.setattr(Outage, "_times_notified", lambda *_: seen.append(events(alert_log)))
    dispatcher().notify(alert())
    assert seen == [[("registry-down", "task-failed")]]


def test_the_end_of_an_outage_is_told_until_a_channel_takes_it(
    registry: Registry,
    store: Store,
    mailbox: list[EmailMessage],
    no_registry: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dispatcher().notify(alert())
    with monkeypatch.context() as broken:
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "extra": {"to": "a@b.example"}}
        broken.setenv("AIRFLOW_CONN_LASTGOOD_SMTP", json.dumps(connection))
        assert not dispatcher().registry_is_back(registry, store)
    assert dispatcher().registry_is_back(registry, store)
    assert len(mailbox) == 2
    assert not dispatcher().registry_is_back(registry, store)


# --- news ---


def news(what: str = "2026-11-23", **more: Any) -> Alert:
    return alert(
        **{
            "kind": "brief",
            "what": what,
            "cause": "1,646 comments, 7 % less.",
            "headline": "the week from 23 November",
            "run_id": None,
            **more,
        }
    )


def test_news_are_told_once_with_what_goes_with_them_and_are_over_at_once(
    registry: Registry, store: Store, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    store.write_bytes("site/toy/brief.pdf", b"%PDF-1.7 of a week")
    told = news(attachments={"brief-2026-11-23.pdf": "site/toy/brief.pdf"})
    assert dispatcher().notify_news([told], registry) == 1
    assert dispatcher().notify_news([told, news(cause="made again")], registry) == 0
    assert dispatcher().redeliver(registry) == 0 and episodes.open_episodes(registry) == []
    assert dispatcher().notify_news([news("2026-11-30")], registry) == 1
    first, second = mailbox
    assert first["Subject"] == "[lastgood] toy: the week from 23 November"
    (attached,) = first.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == (
        "brief-2026-11-23.pdf",
        "application/pdf",
    )
    assert attached.get_content() == b"%PDF-1.7 of a week"
    body = first.get_body(("plain",))
    assert body is not None and "[brief] 1,646 comments, 7 % less." in body.get_content()
    assert not list(second.iter_attachments())
    assert events(alert_log) == [("news", "brief"), ("news", "brief")]


def test_news_come_without_a_file_that_is_gone(registry: Registry, mailbox: list[EmailMessage]) -> None:
    dispatcher().notify_news([news(attachments={"brief.pdf": "site/toy/gone.pdf"})], registry)
    (mail,) = mailbox
    assert not list(mail.iter_attachments())


def test_a_file_that_is_too_large_is_left_out(
    registry: Registry, store: Store, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "ATTACHED_BYTES", 9)
    store.write_bytes("small", b"123456789")
    store.write_bytes("large", b"1234567890")
    dispatcher().notify_news([news(attachments={"small.json": "small", "large.json": "large"})], registry)
    (mail,) = mailbox
    assert [each.get_filename() for each in mail.iter_attachments()] == ["small.json"]


def test_news_that_a_channel_did_not_take_are_told_as_news_with_their_file_later(
    registry: Registry,
    store: Store,
    mailbox: list[EmailMessage],
    broken_mail: Callable[[], None],
) -> None:
    store.write_bytes("site/toy/brief.pdf", b"%PDF")
    dispatcher().notify_news([news(attachments={"brief.pdf": "site/toy/brief.pdf"})], registry)
    assert mailbox == []
    broken_mail()
    assert dispatcher().redeliver(registry) >= 1
    (mail,) = [each for each in mailbox if "the week from" in each["Subject"]]
    assert "Recovered" not in mail["Subject"] and list(mail.iter_attachments())
    dispatcher().redeliver(registry)
    assert len([each for each in mailbox if "the week from" in each["Subject"]]) == 1


def test_only_a_silence_that_names_the_kind_keeps_news_from_people(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    until = "reason: moving house today, until: 2100-01-01T00:00:00Z"
    use_rules(
        monkeypatch, tmp_path, f"routes: [{{channels: [mail]}}]\nsilences: [{{kinds: [brief], {until}}}]"
    )
    assert dispatcher().notify_news([news(), news(kind="velocity")], registry) == 2
    assert len(mailbox) == 1
