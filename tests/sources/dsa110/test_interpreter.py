"""A job runs as a process of its own: bounded, alone, ended with whoever started it, and without the worker's secrets.

The program here is a small one of the tests' own in the place of `imaging`; what the real one does is tested in
tests/imaging.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import psutil
import pytest

from include.sources.dsa110.interpreter import ImagingFailed, Interpreter, JobTaken
from include.sources.dsa110.jobs import TileJob

ROOT = Path(__file__).resolve().parents[3]
DONE = """
    import json, pathlib, sys
    job = json.loads(pathlib.Path(sys.argv[1]).read_text())
    out = pathlib.Path(job["output"]); out.mkdir(exist_ok=True)
    print("convert: 1.0 s", flush=True)
    result = {"kind": "tile", "name": job["name"], "job": "x"}
    (out / "result.json").write_text(json.dumps(result))
"""


@pytest.fixture
def job(tmp_path: Path) -> TileJob:
    return TileJob(
        name="tile-1",
        output=str(tmp_path / "work" / "tile-1"),
        members=(),
        catalogue=str(tmp_path / "catalogue.csv"),
        calibration="none",
    )


def program(folder: Path, text: str, seconds: float = 30) -> Interpreter:
    """An interpreter whose program `imaging` is this one."""
    package = folder / "code" / "imaging"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return Interpreter(python=Path(sys.executable), code=package.parent, longest=timedelta(seconds=seconds))


def test_a_job_comes_to_its_result_and_progress_is_passed_on(tmp_path: Path, job: TileJob) -> None:
    lines: list[str] = []
    result = program(tmp_path, DONE).run(job, lines.append)
    assert (result.kind, result.name, result.refused) == ("tile", "tile-1", None)
    assert lines == ["convert: 1.0 s"]


def test_the_program_gets_no_secret_of_the_worker(
    tmp_path: Path, job: TileJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_REGISTRY", "postgresql://user:secret@db/x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    lines: list[str] = []
    program(tmp_path, f"import os; print(sorted(os.environ), flush=True)\n{textwrap.dedent(DONE)}").run(
        job, lines.append
    )
    assert "AIRFLOW" not in lines[0] and "AWS" not in lines[0] and "PATH" in lines[0]


def test_a_program_that_fails_says_why_with_its_last_words(tmp_path: Path, job: TileJob) -> None:
    failing = program(tmp_path, "import sys; print('tile-1: OSError: no space left on device'); sys.exit(1)")
    with pytest.raises(ImagingFailed, match=r"ended with code 1: tile-1: OSError: no space left on device"):
        failing.run(job)


def test_a_killed_program_names_the_signal(tmp_path: Path, job: TileJob) -> None:
    killed = program(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ImagingFailed, match="killed by SIGKILL"):
        killed.run(job)


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path, job: TileJob) -> None:
    children = tmp_path / "children"
    endless = program(
        tmp_path,
        f"""
        import os, pathlib, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path({str(children)!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
        print("imaging", flush=True)
        time.sleep(600)
        """,
        seconds=3,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("include.sources.dsa110.interpreter.GRACE_SECONDS", 0.2)
        with pytest.raises(ImagingFailed, match=r"was ended\. Its last words: imaging"):
            endless.run(job)
    for pid in map(int, children.read_text().split()):
        assert not _lives(pid)


def _lives(pid: int) -> bool:
    """Whether a process is there, other than as a dead one that nobody has waited for."""
    for _ in range(50):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            return False
        time.sleep(0.1)
    return True


def test_two_tries_do_not_do_a_job_at_once(tmp_path: Path, job: TileJob) -> None:
    slow = program(
        tmp_path, f"print('on it', flush=True)\nimport time; time.sleep(2)\n{textwrap.dedent(DONE)}"
    )
    met: list[JobTaken] = []

    def another(_: str) -> None:
        with pytest.raises(JobTaken, match="Another process") as caught:
            program(tmp_path, DONE).run(job)
        met.append(caught.value)

    slow.run(job, lambda line: another(line) if line == "on it" else None)
    assert len(met) == 1
    assert slow.run(job).name == "tile-1", "and after it the job is free again"


def of_killed_worker(folder: Path, job: TileJob, before: str = "") -> int:
    """The process of a program whose worker, which ran some code before, was killed by SIGKILL."""
    pid = folder / "pid"
    made = program(
        folder,
        f"import os, pathlib, time; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(600)",
    )
    script = f"""
        from datetime import timedelta
        from pathlib import Path
        from include.sources.dsa110 import interpreter
        from include.sources.dsa110.jobs import read_job
        {before}
        job = read_job({msgspec.json.encode(job)!r})
        interpreter.Interpreter(python=Path({str(made.python)!r}), code=Path({str(made.code)!r}),
                                longest=timedelta(minutes=5)).run(job)
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT)
    for _ in range(300):
        if pid.exists() and pid.read_text():
            break
        time.sleep(0.1)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    return int(pid.read_text())


def test_the_program_ends_with_a_worker_that_is_killed(tmp_path: Path, job: TileJob) -> None:
    assert not _lives(of_killed_worker(tmp_path, job))
    assert program(tmp_path, DONE).run(job).name == "tile-1", "the next try has the job"


def test_where_nothing_ends_it_with_its_worker_nobody_else_begins_until_it_is_over(
    tmp_path: Path, job: TileJob
) -> None:
    alive = of_killed_worker(tmp_path, job, "interpreter.shutil.which = lambda name: None")
    try:
        with pytest.raises(JobTaken):
            program(tmp_path, DONE).run(job)
    finally:
        os.kill(alive, signal.SIGKILL)
    assert not _lives(alive)
    assert program(tmp_path, DONE).run(job).name == "tile-1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pass", "there is no "),
        (DONE.replace('"kind": "tile"', '"kind": "moon"'), "cannot be read as a result"),
        (DONE.replace('"name": job["name"]', '"name": "another"'), "is the result of 'another'"),
    ],
)
def test_a_program_that_ends_well_without_its_result_has_failed(
    tmp_path: Path, job: TileJob, text: str, said: str
) -> None:
    with pytest.raises(ImagingFailed, match=said):
        program(tmp_path, text).run(job)


def test_without_the_environment_the_sentence_says_how_to_get_it(tmp_path: Path, job: TileJob) -> None:
    missing = Interpreter(python=tmp_path / "none", code=tmp_path, longest=timedelta(minutes=1))
    with pytest.raises(ImagingFailed, match="make setup-imaging"):
        missing.run(job)


def test_the_real_program_refuses_what_is_no_job(tmp_path: Path) -> None:
    order = tmp_path / "job.json"
    order.write_text(json.dumps({"type": "tile"}), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "imaging", str(order)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "is no job" in ended.stderr
