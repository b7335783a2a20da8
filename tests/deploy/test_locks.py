"""deploy/locks: exact, host-free, and made from the present requirements."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy import lock as module
from deploy.lock import LOCKS, PLATFORMS, PYTHONS, Lock, locks, platform_lock_name, requirement_lines

PIN = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][A-Za-z0-9.+!]*( ; [^#@]+)?")


def environment(python: str) -> dict[str, str]:
    return {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    }


def pins(lock: Lock, python: str) -> dict[str, str]:
    """What this lock pins for one Python."""
    found: dict[str, str] = {}
    for line in lock.path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(environment(python)):
            assert canonicalize_name(pin.name) not in found, f"{lock.name} pins {pin.name} twice"
            found[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    return found


def pythons(lock: Lock) -> tuple[str, ...]:
    """The Pythons a lock is for."""
    return tuple(python for python in PYTHONS if python in lock.name) or PYTHONS


def satisfies(lock: Lock, python: str) -> list[str]:
    """Requirements that the lock breaks, as sentences."""
    pinned = pins(lock, python)
    broken = []
    for line in [*requirement_lines(lock.inputs), *lock.extra]:
        wanted = Requirement(line)
        version = pinned.get(canonicalize_name(wanted.name))
        if version is None:
            broken.append(f"{wanted.name} is not pinned")
        elif not wanted.specifier.contains(version, prereleases=True):
            broken.append(f"{wanted} is not met by {version}")
    return broken


@pytest.fixture(params=locks(), ids=lambda lock: lock.name)
def lock(request: pytest.FixtureRequest) -> Lock:
    found: Lock = request.param
    return found


def test_every_lock_is_there_and_no_other() -> None:
    assert {path.name for path in LOCKS.iterdir()} == {lock.name for lock in locks()}


def test_there_is_a_lock_for_each_airflow_and_python_that_platforms_run() -> None:
    wanted = {
        platform_lock_name(airflow, python) for airflow in ("3.2.1", "3.3.2") for python in ("3.11", "3.12")
    }
    assert wanted <= {lock.name for lock in locks()}


def test_a_lock_was_made_from_the_present_requirements(lock: Lock) -> None:
    assert lock.path.read_text(encoding="utf-8").startswith(lock.header()), "run `make lock`"


def test_a_lock_pins_exactly_and_names_no_host(lock: Lock) -> None:
    lines = [line for line in lock.path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert len(lines) > 50
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    assert "://" not in lock.path.read_text(encoding="utf-8")


def test_a_lock_meets_every_requirement(lock: Lock) -> None:
    assert [sentence for python in pythons(lock) for sentence in satisfies(lock, python)] == []


def test_constraints_hold_no_conditions_for_they_are_for_one_python() -> None:
    for platform in PLATFORMS:
        for python in PYTHONS:
            text = (LOCKS / platform_lock_name(platform.airflow, python)).read_text(encoding="utf-8")
            assert ";" not in text
            assert f"apache-airflow=={platform.airflow}\n" in text


def test_what_make_run_installs_is_what_make_test_installs() -> None:
    by_name = {lock.name: lock for lock in locks()}
    for python in PYTHONS:
        assert pins(by_name["sandbox.txt"], python).items() <= pins(by_name["dev.txt"], python).items()


def test_both_ends_of_the_data_ranges_are_locked() -> None:
    by_name = {lock.name: lock for lock in locks()}
    old = pins(by_name[platform_lock_name("3.2.1", "3.12")], "3.12")
    new = pins(by_name[platform_lock_name("3.3.2", "3.12")], "3.12")
    assert (old["pandas"].split(".")[0], new["pandas"].split(".")[0]) == ("2", "3")
    assert old["sqlalchemy"].startswith("2.0.")
    assert (old["pyarrow"].split(".")[0], new["pyarrow"].split(".")[0]) == ("23", "26")


def test_a_changed_requirement_asks_for_a_new_lock_and_a_changed_comment_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    changing = Lock("x.txt", "", ("requirements.txt",))
    digests = []
    for text in ("pandas>=2.3  # why\n", "# other words\n\npandas>=2.3\n", "pandas>=2.4\n"):
        (tmp_path / "requirements.txt").write_text(text)
        digests.append(changing.digest())
    assert digests[0] == digests[1] != digests[2]


def test_requirements_follow_included_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    (tmp_path / "deploy").mkdir()
    (tmp_path / "requirements.txt").write_text("pandas\n")
    (tmp_path / "deploy" / "sandbox.in").write_text("-r ../requirements.txt\nnumpy\n")
    assert requirement_lines(("deploy/sandbox.in",)) == ["pandas", "numpy"]
