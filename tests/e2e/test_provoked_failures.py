"""Every failure of the list, provoked in a running Airflow with a real mail server and a real webhook: each is told
once on each channel, and each recovery too. `make soak` shows the tables of docs/operations.md.

Troubles happen at the same time in one Airflow and are counted at the end: what is told twice may be told late.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from aiosmtpd.controller import Controller
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from include.alerting.alert import KINDS
from include.alerting.outage import Memory
from include.monitoring import doctor, heartbeat
from include.storage.store import Store
from sandbox import environment, postgres, services, ui
from sandbox.environment import Environment
from tests.running import Api, free_port, kill, start, wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]
PROVOKE = Path(__file__).parent / "provoked" / "dags" / "provoke.py"
SECRETS = ("s3cr3tcanary", "hooksecretcanary", "alivesecretcanary")
BROKEN = "from airflow.sdk import DAG\nimport there_is_no_such_module\n"
MENDED = "from airflow.sdk import DAG\n"
MENDED_SECONDS = 120
WATCH = "lastgood_watch"
SETTINGS = {
    # More at once than there are tasks that wait
    "AIRFLOW__CORE__PARALLELISM": "10",
    # Only to be quick: sandbox/environment.py has what a deployment should have
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "40",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "LASTGOOD_ENV": "test",
}


def told(where: str, kind: str) -> str:
    """The subject of a mail that something broke."""
    return f"[test] {where}: {KINDS[kind].headline}"


def over(where: str, kind: str) -> str:
    """The subject of a mail that it is over."""
    return f"[test] Recovered: {where}: {KINDS[kind].was}"


CHANNEL_BROKEN = told("lastgood.mail", "channel-broken")
"""The one message that a broken mail server does not get."""
CASES: dict[str, list[str]] = {
    "exception in every try": [told("provoked_exception.extract", "task-failed")],
    "task killed by SIGKILL": [told("provoked_killed.extract", "task-killed")],
    "dagrun_timeout": [told("provoked_run_timeout", "run-timed-out")],
    "lost worker": [told("provoked_lost.extract", "task-killed")],
    "failed above an all-done leaf": [told("provoked_leaf.extract", "task-failed")],
    "2 of 2 units fail": ["[test] provoked_units.extract: 2 units failed"],
    "upstream down, 2 runs": [told("provoked_upstream", "upstream-down")],
    "import error, then mended": [
        told("lastgood.broken.py", "import-error"),
        over("lastgood.broken.py", "import-error"),
    ],
    "2 runs fail, mail server down": [
        told("provoked_unheard.extract", "task-failed"),
        told("provoked_unheard_too.extract", "task-failed"),
    ],
    "mail server down, then up": [CHANNEL_BROKEN, over("lastgood.mail", "channel-broken")],
    "3 runs fail, registry away": [told("lastgood", "registry-down"), over("lastgood", "registry-down")],
    "decision that is refused": [],
}
MORE_CASES: dict[str, list[str]] = {
    "zombie (supervisor stopped)": [told("provoked_zombie.extract", "task-killed")],
    "execution_timeout": [told("provoked_timeout.extract", "task-failed")],
    "exception, then cleared": [
        told("provoked_mended.extract", "task-failed"),
        over("provoked_mended.extract", "task-failed"),
    ],
    "exception in the first try": [],
    "scheduler down": [],
}


@dataclass(frozen=True)
class Said:
    """A message that arrived."""

    at: float
    channel: str
    subject: str
    text: str


class Outside:
    """What stands outside and hears: a mail server, a webhook, and a dead man's endpoint."""

    def __init__(self) -> None:
        self.heard: list[Said] = []
        self.signs_of_life = 0
        self._web = HTTPServer(host="127.0.0.1", port=0)
        self._web.expect_request(f"/hook/{SECRETS[1]}", method="POST").respond_with_handler(self._posted)
        self._web.expect_request(f"/alive/{SECRETS[2]}", method="GET").respond_with_handler(self._alive)
        self._mail_port = free_port()
        self._mail = self._mail_server()

    def start(self) -> None:
        self._web.start()
        self._mail.start()

    def stop(self) -> None:
        self._mail.stop()
        self._web.stop()

    @contextmanager
    def mail_server_down(self) -> Iterator[None]:
        """Nobody listens where the mail server was."""
        self._mail.stop()
        yield
        self._mail = self._mail_server()
        self._mail.start()

    def connections(self) -> list[dict[str, Any]]:
        """What an operator enters to have alerts sent here."""
        mail = {"from_email": "lastgood@test.example", "to": "oncall@test.example"}
        web = {"conn_type": "http", "port": self._web.port}
        return [
            {
                "connection_id": "lastgood_smtp",
                "conn_type": "smtp",
                "host": "127.0.0.1",
                "port": self._mail_port,
                "extra": json.dumps({**mail, "disable_ssl": True, "disable_tls": True}),
            },
            {
                **web,
                "connection_id": "lastgood_webhook",
                "host": "http://127.0.0.1/hook",
                "password": SECRETS[1],
            },
            {
                **web,
                "connection_id": "lastgood_deadman",
                "host": "http://127.0.0.1/alive",
                "password": SECRETS[2],
            },
        ]

    def subjects(self, channel: str) -> list[str]:
        """Of the messages that a channel got."""
        return [said.subject for said in self.heard if said.channel == channel]

    def wait_for(self, *subjects: str, channels: tuple[str, ...] = ("mail", "webhook")) -> None:
        """Wait until each channel has got these messages."""
        for channel in channels:
            wait_until(
                lambda channel=channel: set(subjects) <= set(self.subjects(channel)), f"{channel}: {subjects}"
            )

    def _mail_server(self) -> Controller:
        return Controller(self, hostname="127.0.0.1", port=self._mail_port, ready_timeout=60)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail: Any = message_from_bytes(envelope.content, policy=policy.default)
        self.heard.append(Said(time.monotonic(), "mail", mail["Subject"], mail.as_string()))
        return "250 OK"

    def _posted(self, request: Request) -> Response:
        body = request.get_json()
        words = {"first": "", "recovered": "Recovered: "}.get(body["event"], body["event"])
        subject = f"[{body['env'] or 'lastgood'}] {words}{body['title']}"
        self.heard.append(Said(time.monotonic(), "webhook", subject, json.dumps(body)))
        return Response("ok")

    def _alive(self, request: Request) -> Response:
        self.signs_of_life += 1
        return Response("ok")


class Scene:
    """A running Airflow, what is done to it, and what of that was heard outside."""

    def __init__(self, started: Environment, outside: Outside) -> None:
        self.started = started
        self.outside = outside
        self.api = Api(started)
        self.store = Store.from_uri(started.store_uri)
        self.provoked: dict[str, float] = {}
        """When each case was provoked."""
        for connection in outside.connections():
            self.api.send("POST", "connections", connection)
        wait_until(lambda: len(self.api.get("dags?limit=100")["dags"]) > len(CASES), "the DAGs are there")
        self.api.send("PATCH", f"dags/{WATCH}", {"is_paused": False})

    def begin(self, case: str) -> None:
        """Count the seconds of a case from here."""
        self.provoked.setdefault(case, time.monotonic())

    def trigger(self, case: str, dag: str) -> str:
        """Provoke a case by a run of this DAG; answers the run's id."""
        self.begin(case)
        return self.api.trigger(dag)

    def deploy(self, file: str) -> None:
        """Put a DAG file where Airflow looks for them."""
        (self.started.project / "dags" / "broken.py").write_text(file, encoding="utf-8")

    def mend(self, dag: str) -> None:
        """Let the step of this DAG succeed, or end its waiting."""
        self.store.write_bytes(f"provoked/mended/{dag}", b"")

    def let_into_registry(self, let: bool) -> None:
        """Whether the registry's database takes connections."""
        with psycopg.connect(self._airflow_dsn(), autocommit=True) as database:
            database.execute(f"ALTER DATABASE lastgood WITH ALLOW_CONNECTIONS {let}")
            if not let:
                database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lastgood'"
                )

    def start_scheduler(self) -> None:
        """As ui.up() does."""
        services.start(
            self.started.state,
            "scheduler",
            [sys.executable, "-m", "airflow", *ui.COMPONENTS["scheduler"]],
            environment=self.started.process_variables(),
            ready=lambda _: "",
            seconds=ui.READY_SECONDS,
        )

    @contextmanager
    def counting(self, cases: dict[str, list[str]]) -> Iterator[None]:
        """Each of these messages is heard once on each channel, nothing else is heard, and no secret."""
        try:
            yield
        finally:
            print(table(cases, self.provoked, self.outside.heard))
        for channel, unheard in (("webhook", set()), ("mail", {CHANNEL_BROKEN})):
            subjects = [s for s in self.outside.subjects(channel) if not of_this_machine(s)]
            found = {case: sorted(s for s in subjects if s in expected) for case, expected in cases.items()}
            assert found == {case: sorted(set(expected) - unheard) for case, expected in cases.items()}
            assert len(subjects) == sum(map(len, found.values())), f"there is another one among {subjects}"
        log = self.started.state / "home" / "logs" / "lastgood" / "alerts.jsonl"
        for text in (log.read_text(encoding="utf-8"), *(said.text for said in self.outside.heard)):
            assert not any(secret in text for secret in SECRETS)

    def _airflow_dsn(self) -> str:
        return postgres.dsn(self.started.state / "postgres", "airflow")


def of_this_machine(subject: str) -> bool:
    """Whether it is about the disk that the tests happen to run on."""
    return subject.endswith(KINDS["disk-low"].headline)


def table(cases: dict[str, list[str]], provoked: dict[str, float], heard: list[Said]) -> str:
    """How many messages each channel got of each case, and after how many seconds both had the first."""
    lines = ["", "| case | mails | webhook | seconds |", "|---|---|---|---|"]
    for case, expected in cases.items():
        firsts, counts = [], []
        for channel in ("mail", "webhook"):
            times = [said.at for said in heard if said.subject in expected and said.channel == channel]
            counts.append(len(times))
            firsts += times[:1]
        seconds = f"{max(firsts) - provoked[case]:.0f}" if firsts else "-"
        lines.append(f"| {case} | {counts[0]} | {counts[1]} | {seconds} |")
    return "\n".join(lines)


@pytest.fixture
def outside() -> Iterator[Outside]:
    made = Outside()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def scene(tmp_path: Path, outside: Outside) -> Iterator[Scene]:
    """The whole Airflow on this code, with the watch and the DAGs that fail, and without sample upstreams."""
    project = tmp_path / "project"
    (project / "dags").mkdir(parents=True)
    for name in ("plugins", "include", "soda"):
        shutil.copytree(
            environment.PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(environment.PROJECT / "dags" / "operations" / "watch.py", project / "dags")
    shutil.copy(PROVOKE, project / "dags")
    state = project / ".lastgood"
    # What is not set up here is another test's.
    doctor.keep(Store.from_uri((state / "store").as_uri()), [], datetime.now(UTC), "test")
    try:
        yield Scene(start(state, project, SETTINGS), outside)
    finally:
        kill(state)


def test_every_failure_is_told_once(scene: Scene) -> None:
    api, outside = scene.api, scene.outside
    form = f"{api.url}/lastgood/accept?source=ctgov&version=v1"
    stranger = requests.get(form, timeout=120, allow_redirects=False)
    assert stranger.status_code == 303 and "/api/v2/auth/login?next=" in stranger.headers["location"]
    assert 'value="v1"' in requests.get(form, headers=api.headers, timeout=120).text
    with scene.counting(CASES):
        scene.trigger("lost worker", "provoked_lost")
        scene.trigger("dagrun_timeout", "provoked_run_timeout")
        scene.trigger("exception in every try", "provoked_exception")
        scene.trigger("task killed by SIGKILL", "provoked_killed")
        scene.trigger("failed above an all-done leaf", "provoked_leaf")
        scene.trigger("2 of 2 units fail", "provoked_units")
        scene.trigger("upstream down, 2 runs", "provoked_upstream")
        refused = scene.trigger("decision that is refused", "provoked_refused")
        scene.begin("import error, then mended")
        scene.deploy(BROKEN)
        outside.wait_for(CASES["import error, then mended"][0])
        scene.deploy(MENDED)
        mended = time.monotonic()
        outside.wait_for(*(subject for case in list(CASES)[:8] for subject in CASES[case]))

        over_at = [said.at for said in outside.heard if said.subject == CASES["import error, then mended"][1]]
        assert max(over_at) - mended < MENDED_SECONDS
        api.wait_for_run("provoked_refused", refused, "failed")
        api.wait_for_run("provoked_upstream", api.trigger("provoked_upstream"), "failed")

        with outside.mail_server_down():
            scene.begin("mail server down, then up")
            scene.trigger("2 runs fail, mail server down", "provoked_unheard")
            scene.trigger("2 runs fail, mail server down", "provoked_unheard_too")
            outside.wait_for(*CASES["2 runs fail, mail server down"], CHANNEL_BROKEN, channels=("webhook",))
        api.wait_for_run(WATCH, api.trigger(WATCH), "success")
        outside.wait_for(
            *CASES["2 runs fail, mail server down"],
            CASES["mail server down, then up"][1],
        )

        scene.let_into_registry(False)
        case = "3 runs fail, registry away"
        runs = {dag: scene.trigger(case, dag) for dag in ("provoked_outage", "provoked_outage_too", WATCH)}
        # Its step, its watcher and the run as a whole speak of each, the watch's step and its run.
        expected = {"provoked_outage": 3, "provoked_outage_too": 3, WATCH: 2}
        wait_until(lambda: met_outage(scene.store, runs) == expected, "all have met the outage")
        scene.let_into_registry(True)
        api.wait_for_run(WATCH, api.trigger(WATCH), "success")
        outside.wait_for(*CASES[case])


def met_outage(store: Store, runs: dict[str, str]) -> dict[str, int]:
    """How many times these runs were to be told of while the registry was away."""
    noticed = [(one.alert.source, one.alert.run_id) for one in Memory(store).noticed()]
    return {dag: noticed.count((dag, run)) for dag, run in runs.items()}


def scheduler_health(api: Api) -> str:
    """What Airflow says without a login; of a scheduler that was killed only after half a minute."""
    health: str = requests.get(f"{api.url}/api/v2/monitor/health", timeout=120).json()["scheduler"]["status"]
    return health


@pytest.mark.soak
def test_what_else_may_happen_is_told_once_or_not_at_all(scene: Scene) -> None:
    api, outside, store = scene.api, scene.outside, scene.store
    with scene.counting(MORE_CASES):
        scene.trigger("zombie (supervisor stopped)", "provoked_zombie")
        scene.trigger("execution_timeout", "provoked_timeout")
        cleared = scene.trigger("exception, then cleared", "provoked_mended")
        retried = scene.trigger("exception in the first try", "provoked_retried")

        outside.wait_for(MORE_CASES["exception, then cleared"][0])
        api.wait_for_run("provoked_mended", cleared, "failed")
        scene.mend("provoked_mended")
        api.send("POST", f"dags/provoked_mended/dagRuns/{cleared}/clear", {"dry_run": False})
        outside.wait_for(MORE_CASES["zombie (supervisor stopped)"][0])
        # It comes back, and must not speak again of what was told.
        os.kill(int(store.read_bytes("provoked/supervisor")), signal.SIGCONT)
        outside.wait_for(*MORE_CASES["execution_timeout"], *MORE_CASES["exception, then cleared"])
        api.wait_for_run("provoked_retried", retried, "success")

        scene.begin("scheduler down")
        wait_until(lambda: outside.signs_of_life, "the watch has run")
        services.stop(scene.started.state, "scheduler")
        signs, last = outside.signs_of_life, heartbeat.read(store)
        assert last is not None and not heartbeat.is_stale(last, last.at + timedelta(minutes=14))
        run = api.trigger(WATCH)
        wait_until(lambda: scheduler_health(api) == "unhealthy", "Airflow's own page says so")
        assert api.get(f"dags/{WATCH}/dagRuns/{run}")["state"] == "queued"
        assert (outside.signs_of_life, heartbeat.read(store)) == (signs, last)
        assert heartbeat.is_stale(last, datetime.now(UTC) + timedelta(minutes=15))
        scene.start_scheduler()
        api.wait_for_run(WATCH, run, "success")
        again = heartbeat.read(store)
        assert outside.signs_of_life > signs and again is not None and again.at > last.at
