"""`make ui`, `make airflow`, `make advance` and `make down`, with the real Airflow; docs/backfill.md in it."""

import json
import re
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote

import psycopg
import pytest
import requests

from include.publishing import manifest as manifests
from include.registry.registry import Registry
from include.sources.comments.source import AUTHORS
from include.sources.source import names
from include.storage.inbox import Inbox
from include.storage.store import Store
from sandbox import environment, postgres, services, ui
from sandbox.comments.connection import FIELDS
from sandbox.environment import Environment
from sandbox.errors import SetupError
from tests.running import Api, processes_of, start, wait_until
from tests.sandbox import forms
from tests.sandbox.forms import Operator
from tests.sources.daily import DailyRuns
from tests.web import site

pytestmark = pytest.mark.airflow
PAGE = (environment.PROJECT / "docs" / "backfill.md").read_text(encoding="utf-8")
DAY = ("2026-02-22 05:00Z", "2026-02-23 05:00Z")
"""The first of the two days that the backfill of the page is about; a run takes half a minute."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ui") / ".lastgood"


@pytest.fixture(scope="module")
def started(state: Path) -> Iterator[Environment]:
    """The whole Airflow, started as `make ui` does, once it knows every DAG."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_TODAY", "2026-11-17")  # the page's dates and seasons are those of that day
        running = start(state)
    api = Api(running)
    # Whichever test comes first: another worker may have taken those before it.
    wait_until(
        lambda: set(names()) <= {dag["dag_id"] for dag in api.get("dags")["dags"]}, "the DAGs are there"
    )
    yield running
    environment.down(state=state)


def test_a_person_logs_in_and_finds_every_dag(started: Environment) -> None:
    api = Api(started)
    assert set(names()) <= {dag["dag_id"] for dag in api.get("dags")["dags"]}
    assert api.get("importErrors")["total_entries"] == 0


def test_a_wrong_password_is_refused(started: Environment) -> None:
    login = {"username": "admin", "password": "wrong"}
    url = started.variables["AIRFLOW__API__BASE_URL"]
    assert requests.post(f"{url}/auth/token", json=login, timeout=120).status_code == 401


def test_nothing_is_set_up_by_hand_and_there_is_no_example_connection(started: Environment) -> None:
    api = Api(started)
    assert [pool["name"] for pool in api.get("pools")["pools"]] == ["default_pool"]
    assert api.get("connections")["total_entries"] == 0


def test_every_part_has_a_log(started: Environment) -> None:
    for name in ui.COMPONENTS:
        assert services.log_file(started.state, name).exists()


def test_a_second_start_finds_it_running(started: Environment) -> None:
    before = {name: services.find(started.state, name) for name in ui.COMPONENTS}
    found = environment.describe(state=started.state, ui_port=int(started.variables["AIRFLOW__API__PORT"]))
    assert found.variables == started.variables
    assert before == {name: services.find(started.state, name) for name in ui.COMPONENTS}


def page_commands() -> list[list[str]]:
    """What docs/backfill.md gives to Airflow's command line, as a shell and make hand it over."""
    given = re.findall(r"^make airflow (ARGS=.*)$", PAGE, re.MULTILINE)
    return [shlex.split(shlex.split(each)[0].removeprefix("ARGS=")) for each in given]


def test_airflow_takes_every_command_of_the_page_on_backfill(started: Environment) -> None:
    from airflow.cli import cli_parser

    details = Api(started).get("dags/sofascore/details")
    chosen = []
    for command in page_commands():
        parsed = cli_parser.get_parser().parse_args(command)
        chosen.append(tuple(command[:2]))
        asked = json.loads(getattr(parsed, "conf", None) or getattr(parsed, "dag_run_conf", None) or "{}")
        assert asked.keys() <= details["params"].keys()
    assert set(chosen) == {("dags", "unpause"), ("dags", "trigger"), ("backfill", "create")}


def runs_of(started: Environment, source: str) -> DailyRuns:
    """The runs of a source in this sandbox without Airflow, which is quicker."""
    upstream = environment.upstream(source, started.state)
    assert upstream is not None and upstream.address
    registry = Registry(lambda: psycopg.connect(started.registry_dsn))
    registry.migrate()
    return DailyRuns(
        source, Store.from_uri(started.store_uri), registry, SimpleNamespace(url=upstream.address)
    )


def unpause(api: Api, source: str) -> None:
    """Let runs begin. Today's counts as done, so that the first moment without a pause does not start it."""
    day = api.get(f"dags/{source}")["next_dagrun_logical_date"]
    api.send("POST", f"dags/{source}/dagRuns", {"dag_run_id": "today", "logical_date": day})
    api.send("PATCH", f"dags/{source}/dagRuns/today", {"state": "success"})
    api.send("PATCH", f"dags/{source}", {"is_paused": False})


@pytest.fixture(scope="module")
def published(started: Environment) -> str:
    """Where the sample upstream of SofaScore is, of which a first version was published; its DAG is not paused."""
    daily = runs_of(started, "sofascore")
    daily.publish(1)
    unpause(Api(started), "sofascore")
    address: str = daily.upstream.url
    return address


def test_the_backfill_of_the_page_asks_again_for_a_day_and_stores_a_match_once(
    started: Environment, published: str, capfd: pytest.CaptureFixture[str]
) -> None:
    api = Api(started)
    before = matches_of_the_day(started)
    corrected = before[-1][0]
    answer = requests.post(
        f"{published}/_sandbox/correct", json={"match": corrected, "home": 7, "away": 1}, timeout=30
    )
    assert answer.ok
    requests.post(f"{published}/_sandbox/forget", timeout=120)
    capfd.readouterr()

    create = next(command for command in page_commands() if command[0] == "backfill")
    create[create.index("--to-date") + 1] = "2026-02-23"
    assert ui.airflow(create, state=started.state).returncode == 0
    said = "".join(capfd.readouterr())
    (shown,) = re.findall(r"<!-- output of backfill create -->\n```\n(.*?)```", PAGE, re.DOTALL)
    for message in (
        "creating dag run",
        "run_id=backfill__2026-02-23T05:00:00+00:00",
        "Created backfill Dag run.",
    ):
        assert message in said and message in shown
    wait_for_runs(api, 2)

    counts = requests.get(f"{published}/_sandbox/requests", timeout=120).json()
    assert counts["event"] == {"200": len(before)}
    after = matches_of_the_day(started)
    assert [match for match, *_ in after] == [match for match, *_ in before]
    assert {row[0]: row[1:3] for row in after}[corrected] == (7, 1)
    with psycopg.connect(started.registry_dsn) as database:
        for query, table in re.findall(r"```sql\n(.*?)```\n+```\n(.*?)```", PAGE, re.DOTALL):
            cursor = database.execute(query)
            assert cursor.description is not None
            heading = [name.strip() for name in table.splitlines()[0].split("|")]
            assert [column.name for column in cursor.description] == heading
            assert cursor.fetchall(), query
        latest = database.execute(
            "SELECT v.as_of, c.value FROM lastgood.latest JOIN lastgood.dataset_version v USING (source, version) "
            "JOIN lastgood.cursor c USING (source) WHERE source = 'sofascore' AND c.name = 'until'"
        ).fetchall()
        runs = database.execute(
            "SELECT v.as_of, v.published_at IS NOT NULL FROM lastgood.dataset_version v "
            "WHERE source = 'sofascore' ORDER BY staged_at"
        ).fetchall()
    assert runs == [(latest[0][0], True)] * 2, (
        "no version is older than the one before, and each was promoted"
    )
    assert latest[0][0] == datetime.fromisoformat(latest[0][1]), "the daily run goes on where it stopped"


def matches_of_the_day(started: Environment) -> list[tuple[Any, ...]]:
    """The published matches of that day, in order, with score and number of parts."""
    with psycopg.connect(started.registry_dsn) as database:
        return database.execute(
            "SELECT match_id, home_goals, away_goals, count(*) FROM published.sofascore_matches "
            "JOIN published.sofascore_match_parts USING (match_id) "
            "WHERE kickoff_at >= %s AND kickoff_at < %s GROUP BY match_id, home_goals, away_goals "
            "ORDER BY kickoff_at, match_id",
            DAY,
        ).fetchall()


def wait_for_runs(api: Api, number: int) -> None:
    """Wait until the DAG has made so many runs and all of them succeeded."""
    deadline = time.monotonic() + 600
    while True:
        states = [run["state"] for run in api.get("dags/sofascore/dagRuns")["dag_runs"]]
        assert "failed" not in states
        if len(states) >= number and set(states) == {"success"}:
            return
        assert time.monotonic() < deadline, states
        time.sleep(0.2)


def wait_until_backfilled(api: Api, dag: str) -> None:
    """Wait until Airflow has noticed that each backfill of a DAG is over: it refuses another one before."""
    wait_until(
        lambda: all(each["completed_at"] for each in api.get(f"backfills?dag_id={dag}")["backfills"]),
        f"no backfill of {dag} is under way",
    )


@contextmanager
def days_in_another_shape(upstream: str) -> Iterator[None]:
    """The lists of days have another shape for a while, which no retry helps against."""
    faults = f"{upstream}/_sandbox/faults"
    assert requests.post(faults, json=[{"kind": "wrong_shape", "part": "day"}], timeout=30).ok
    try:
        yield
    finally:
        assert requests.post(faults, json=[], timeout=30).ok


def test_a_failed_run_is_cleared_in_the_ui_and_ends_well(started: Environment, published: str) -> None:
    api = Api(started)
    conf = {"from": "2026-02-22", "to": "2026-02-22", "competition": "england-premier-league"}
    with days_in_another_shape(published):
        asked = {"logical_date": None, "conf": conf}
        run = api.send("POST", "dags/sofascore/dagRuns", asked)["dag_run_id"]
        api.wait_for_run("sofascore", run, "failed")
    api.send("POST", f"dags/sofascore/dagRuns/{run}/clear", {"dry_run": False, "only_failed": True})
    api.wait_for_run("sofascore", run, "success")
    tasks = api.get(f"dags/sofascore/dagRuns/{run}/taskInstances")["task_instances"]
    labels = {each["rendered_map_index"] for each in tasks if each["task_id"] == "extract"}
    assert labels == {"Premier League 2025-26"}


def test_a_failed_backfill_is_made_again_by_reprocessing_what_failed(
    started: Environment, published: str
) -> None:
    api = Api(started)
    day = ["--from-date", "2026-02-19", "--to-date", "2026-02-20", "--max-active-runs", "1"]
    create = ["backfill", "create", "--dag-id", "sofascore", *day]
    run = "backfill__2026-02-20T05:00:00+00:00"
    with days_in_another_shape(published):
        assert ui.airflow(create, state=started.state).returncode == 0
        api.wait_for_run("sofascore", run, "failed")
    wait_until_backfilled(api, "sofascore")
    again = [*create, "--reprocess-behavior", "failed"]
    assert ui.airflow(again, state=started.state).returncode == 0
    api.wait_for_run("sofascore", run, "success")


# --- comments by week ---

MONDAYS = ("2026-11-02", "2026-11-09")
"""Of the weeks that are backfilled: the sample has posts from 20 October on."""


@pytest.fixture(scope="module")
def weekly(started: Environment) -> DailyRuns:
    """The weekly figures: their comments are published, and their DAG is not paused."""
    comments = runs_of(started, "comments")
    key = json.loads(started.variables["AIRFLOW_CONN_COMMENTS_AUTHORS"])["password"]
    comments.beside = {
        "inbox": Inbox(Store.from_uri(started.variables["AIRFLOW_VAR_COMMENTS_INBOX"])),
        "keys": {AUTHORS: key.encode()},
        "options": {"catalogue": FIELDS["extra"]["catalogue"]},
    }
    comments.publish(1)
    unpause(Api(started), "comments_weekly")
    return DailyRuns("comments_weekly", comments.store, comments.registry)


def weeks_of(weekly: DailyRuns) -> tuple[str, dict[tuple[str, str | None], str]]:
    """The version that is latest, and the hash of each file of its tables, by table and week."""
    latest = weekly.registry.latest("comments_weekly")
    assert latest is not None
    manifest = manifests.require(weekly.store, "comments_weekly", latest.version)
    manifests.verify(weekly.store, manifest)
    return latest.version, {
        (entry.name, file.part): file.sha256 for entry in manifest.tables for file in entry.files
    }


def test_two_past_weeks_are_backfilled_and_equal_byte_for_byte_the_second_time(
    started: Environment, weekly: DailyRuns
) -> None:
    api = Api(started)
    # A run bears the end of its interval.
    runs = [f"backfill__{day}T09:00:00+00:00" for day in ("2026-11-09", "2026-11-16")]
    days = ["--from-date", MONDAYS[0], "--to-date", "2026-11-10", "--max-active-runs", "1"]
    create = ["backfill", "create", "--dag-id", "comments_weekly", *days]
    found = []
    for again in ([], ["--reprocess-behavior", "completed"]):
        assert ui.airflow([*create, *again], state=started.state).returncode == 0
        for run in runs:
            api.wait_for_run("comments_weekly", run, "success")
        found.append(weeks_of(weekly))
        wait_until_backfilled(api, "comments_weekly")
    (first, before), (second, after) = found
    assert first != second and before == after
    assert {part for table, part in after if table == "briefs"} == set(MONDAYS)
    shown = json.loads(weekly.store.read_bytes("site/comments_weekly/latest.json"))
    assert (shown["version"], len(shown["briefs"])) == (second, 2)
    assert all(
        weekly.store.exists(f"site/comments_weekly/{brief['pdf']['path']}") for brief in shown["briefs"]
    )


def test_a_person_triggers_clears_and_backfills_by_clicks(
    started: Environment, weekly: DailyRuns, operator: Operator
) -> None:
    api, dag = operator.api, "comments_weekly"
    wait_until_backfilled(api, dag)
    with operator.page() as page:
        operator.log_in(page, f"{api.url}/dags/{dag}")
        run = operator.trigger(page, dag)
        api.wait_for_run(dag, run, "success")
        first, before = weeks_of(weekly)
        operator.clear(page, dag, run)
        wait_until(lambda: weeks_of(weekly)[0] != first, "the cleared run has made another version")
        api.wait_for_run(dag, run, "success")
        assert weeks_of(weekly)[1] == before, "of the same comments the same bytes"
        operator.backfill(page, dag, "2026-10-26", "2026-10-27")
        api.wait_for_run(dag, "backfill__2026-11-02T09:00:00+00:00", "success")
        # The run lies before all others, and people find it by its end.
        page.goto(f"{api.url}/dags/{dag}/runs/{quote('backfill__2026-11-02T09:00:00+00:00')}")
        page.get_by_text("Success").first.wait_for()
    added = weeks_of(weekly)[1]
    assert added.items() > before.items()
    assert {part for table, part in added.keys() - before.keys() if table == "briefs"} == {"2026-10-26"}


LITTLE = {"limit": 5, "names": 0}
"""What a run of PubChem is asked for here, so that it takes seconds."""


@pytest.fixture(scope="module")
def pubchem(started: Environment) -> DailyRuns:
    """PubChem with two published versions, and its DAG not paused."""
    daily = runs_of(started, "pubchem")
    for day in (1, 2):
        # Enough that a tenth less is seen
        daily.publish(day, limit=40, names=0)
    unpause(Api(started), "pubchem")
    return daily


@pytest.fixture
def operator(started: Environment) -> Iterator[Operator]:
    """Whoever is on call, at a real browser."""
    pytest.importorskip("playwright", reason="needs playwright: pip install -r requirements-dev.txt")
    if site.chromium() is None:
        pytest.skip("needs Chromium: apt-get install chromium (or have google-chrome on the PATH)")
    with forms.operator(started) as found:
        yield found


def commands_say(started: Environment, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What an operator's command prints."""
    capfd.readouterr()
    ui.lastgood(arguments, state=started.state)
    return capfd.readouterr().out


def told(started: Environment) -> list[dict[str, Any]]:
    """The messages so far, oldest first, as they stand in the log of alerts."""
    log = started.state / "home" / "logs" / "lastgood" / "alerts.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_a_rollback_holds_the_source_until_somebody_releases_what_came(
    started: Environment, pubchem: DailyRuns, operator: Operator, capfd: pytest.CaptureFixture[str]
) -> None:
    api, registry = operator.api, pubchem.registry
    before = registry.latest("pubchem")
    assert before is not None and before.previous is not None
    with operator.page() as page:
        operator.log_in(page, f"{api.url}/")
        said = operator.decide(page, "rollback", source="pubchem", reason="wrong compounds")
        sentence = f"admin rolled back from {before.version} at "
        assert f"latest of pubchem is {before.previous}" in said and sentence in said
        latest = registry.latest("pubchem")
        assert latest is not None and latest.version == before.previous
        assert f"On hold: pubchem. {sentence}" in commands_say(started, capfd, "status")

        run = api.send("POST", "dags/pubchem/dagRuns", {"logical_date": None, "conf": LITTLE})["dag_run_id"]
        # While it is under way
        said = operator.decide(page, "hold", source="ctgov", reason="the upstream is being rebuilt")
        assert "admin put ctgov on hold" in said and "DAG lastgood_release" in said
        said = operator.decide(page, "release", source="ctgov", reason="it is back")
        assert "ctgov is not on hold any more: the next run publishes what it brings" in said
        said = operator.refused(page, "release", source="pubchem", version="nope", reason="a typing mistake")
        assert "The version 'nope' is none" in said
        form = operator.form(page, "release", source="pubchem", version="", reason="nothing in it")
        assert forms.send(form).is_disabled()

        api.wait_for_run("pubchem", run, "success")
        held = commands_say(started, capfd, "runs", "-n", "20").splitlines()
        (row,) = [line.split() for line in held if " pubchem " in line and " held " in line]
        version = row[row.index("held") + 1]
        said = operator.log("pubchem", run, "promote")
        assert f"pubchem {version} passed its checks and is held: {sentence}" in said
        assert "release it with a reason (DAG lastgood_release)" in said

        said = operator.decide(page, "release", source="pubchem", version=version, reason="they are right")
        assert f"latest of pubchem is {version}" in said and "on hold" not in said
    latest = registry.latest("pubchem")
    assert latest is not None and latest.version == version
    assert "On hold" not in commands_say(started, capfd, "status")
    # A decision that was refused concerns nobody but who asked.
    assert not [message for message in told(started) if message["source"].startswith("lastgood_")]


def test_a_rejected_version_is_accepted_from_the_link_in_the_alert(
    started: Environment, pubchem: DailyRuns, operator: Operator
) -> None:
    api, registry = operator.api, pubchem.registry
    faults = f"{pubchem.upstream.url}/_sandbox/faults"
    shrunk = {"kind": "shrunk_list", "keep": 0.9, "times": None}
    assert requests.post(faults, json=[shrunk], timeout=30).ok
    try:
        run = api.send("POST", "dags/pubchem/dagRuns", {"logical_date": None, "conf": LITTLE})["dag_run_id"]
        api.wait_for_run("pubchem", run, "failed")
    finally:
        assert requests.post(faults, json=[], timeout=30).ok
    (alert,) = [message for message in told(started) if message["kind"] == "gate-rejected"]
    assert alert["run_id"] == run

    with operator.page(forms.PHONE) as page:
        operator.log_in(page, alert["links"]["Accept the version"])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
        page.get_by_label("Reason").fill("PubChem cleaned up its list")
        page.get_by_role("button", name="Accept and publish").click()
        page.wait_for_url(f"{api.url}/dags/lastgood_accept/runs/**")
        decided = unquote(page.url.rsplit("/", 1)[1])
    api.wait_for_run("lastgood_accept", decided, "success")
    assert f"latest of pubchem is {alert['version']}" in operator.log("lastgood_accept", decided, "accept")
    latest = registry.latest("pubchem")
    assert latest is not None and latest.version == alert["version"]
    with registry.transaction() as cursor:
        cursor.execute("SELECT who, what, version, reason FROM lastgood.action ORDER BY id DESC LIMIT 1")
        assert cursor.fetchone() == {
            "who": "admin",
            "what": "accept",
            "version": alert["version"],
            "reason": "PubChem cleaned up its list",
        }


def test_the_sample_upstreams_advance(started: Environment) -> None:
    answers = ui.advance(state=started.state)
    assert set(answers) == set(environment.sample_sources())


def test_down_stops_all_of_it_and_nothing_else(started: Environment) -> None:
    assert {name for name in ui.COMPONENTS if services.find(started.state, name)} == set(ui.COMPONENTS)
    stopped = environment.down(state=started.state)
    assert {*ui.COMPONENTS, "PostgreSQL"} <= set(stopped)
    assert processes_of(started.state) == []
    assert not postgres.is_running(started.state / "postgres")
    assert environment.down(state=started.state) == []


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(SetupError, match=rf"Port {port} is taken.*make ui PORT={port + 1}"):
            ui.up(state=tmp_path, port=port)


def test_advancing_what_does_not_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"does not run: start it with `make run`"):
        ui.advance(state=tmp_path)


def test_a_failure_at_the_terminal_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> list[str]:
        raise SetupError("One sentence.")

    monkeypatch.setattr(environment, "down", fail)
    assert ui.main(["down"]) == 1
    assert capsys.readouterr() == ("", "One sentence.\n")
