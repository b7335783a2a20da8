"""sandbox/setup.sh: which Python, which installer, nothing twice, and one clear sentence when it fails."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.lock import PROJECT

TOOLS = ("sh", "dirname", "cmp", "tail", "df", "awk", "grep", "rm", "cp", "mkdir", "sleep", "cat", "chmod")

# A Python that says its version, makes environments and installs, writing down what it was asked
PYTHON = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$1 $2" in
    "-c "*) exit {version_fits} ;;
    "--version "*) echo Python 3.10.13 ;;
    "-m venv") [ {venv} = yes ] || exit 1; mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip") [ "$3" = --version ] && exit 0; {pip} ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >>"$CALLS"
case "$1" in
    --version) exit 0 ;;
    python) exit 1 ;;
    venv) mkdir -p "$5/bin" && cp "$(command -v "$4")" "$5/bin/python" ;;
    pip) {pip} ;;
esac
"""


class Machine:
    """A project in a folder with a space, and a PATH that holds only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "my project"
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        self.bin.mkdir()
        (self.project / "sandbox").mkdir(parents=True)
        shutil.copy(PROJECT / "sandbox" / "setup.sh", self.project / "sandbox")
        for tool in (*TOOLS, "basename"):
            found = shutil.which(tool)
            assert found is not None
            (self.bin / tool).symlink_to(found)
        self.lock("sandbox", "a==1\nb==2\n")
        self.lock("dev", "a==1\nb==2\nc==3\n")

    def lock(self, name: str, text: str) -> None:
        locks = self.project / "deploy" / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        (locks / f"{name}.txt").write_text(text)

    def python(
        self, name: str = "python3", *, fits: bool = True, venv: bool = True, pip: str = "exit 0"
    ) -> None:
        text = PYTHON.format(version_fits=0 if fits else 1, venv="yes" if venv else "no", pip=pip)
        self.program(name, text)

    def uv(self, pip: str = "exit 0") -> None:
        self.program("uv", UV.format(pip=pip))

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def setup(self, packages: str = "sandbox", *folder: str) -> subprocess.CompletedProcess[str]:
        self.calls.write_text("")
        return subprocess.run(
            [str(self.bin / "sh"), str(self.project / "sandbox" / "setup.sh"), packages, *folder],
            env={"PATH": str(self.bin), "CALLS": str(self.calls)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def called(self, words: str) -> bool:
        return words in self.calls.read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_with_uv_the_lock_is_installed_by_uv(machine: Machine) -> None:
    machine.python()
    machine.uv()
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    assert machine.called(
        "uv pip install --quiet --no-deps --compile-bytecode --python .venv/bin/python "
        "--requirement deploy/locks/sandbox"
    )
    assert "Installing 2 packages into .venv with uv" in done.stdout


def test_without_uv_the_lock_is_installed_by_pip(machine: Machine) -> None:
    machine.python()
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    assert machine.called("python -m pip install --no-deps")
    assert "Installing 2 packages into .venv with pip, about two minutes" in done.stdout


def test_a_second_time_nothing_is_installed_and_nothing_is_said(machine: Machine) -> None:
    machine.python()
    machine.setup()
    done = machine.setup()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not machine.called("install")


def test_a_changed_lock_is_installed(machine: Machine) -> None:
    machine.python()
    machine.setup()
    machine.lock("sandbox", "a==1\nb==3\n")
    machine.setup()
    assert machine.called("install")
    assert not machine.called("-m venv")


def test_another_airflow_has_an_environment_beside_the_own_one(machine: Machine) -> None:
    machine.python()
    machine.setup()
    machine.lock("dev-airflow-3.2.1", "a==1\n")
    done = machine.setup("dev-airflow-3.2.1", ".venv-airflow-3.2.1")
    assert done.returncode == 0, done.stderr
    assert "Installing 1 packages into .venv-airflow-3.2.1 with pip" in done.stdout
    assert machine.setup("dev-airflow-3.2.1", ".venv-airflow-3.2.1").stdout == ""
    assert machine.setup().stdout == "", "the own one is as it was"


def test_the_tests_packages_hold_the_sandboxs(machine: Machine) -> None:
    machine.python()
    machine.setup("dev")
    assert machine.called("deploy/locks/dev.txt")
    machine.setup("sandbox")
    assert not machine.called("install")


def test_the_sandboxs_packages_do_not_hold_the_tests(machine: Machine) -> None:
    machine.python()
    machine.setup("sandbox")
    machine.setup("dev")
    assert machine.called("deploy/locks/dev.txt")


def test_an_installation_that_failed_is_tried_again(machine: Machine) -> None:
    machine.python(pip="exit 1")
    assert machine.setup().returncode == 1
    machine.python()
    shutil.copy(machine.bin / "python3", machine.project / ".venv" / "bin" / "python")
    assert machine.setup().returncode == 0
    assert machine.called("install")


def test_an_environment_whose_python_is_gone_is_made_anew(machine: Machine) -> None:
    machine.python()
    machine.setup()
    (machine.project / ".venv" / "bin" / "python").unlink()
    assert machine.setup().returncode == 0
    assert machine.called("-m venv")
    assert machine.called("install")


def test_a_name_that_leads_nowhere_is_passed_over(machine: Machine) -> None:
    machine.python("python3.12", fits=False)
    machine.python("python3.11")
    assert machine.setup().returncode == 0
    assert machine.called("python3.11 -m venv")


def test_a_python_without_venv_is_passed_over(machine: Machine) -> None:
    machine.python("python3.12", venv=False)
    machine.python("python3.11")
    assert machine.setup().returncode == 0
    assert machine.called("python3.11 -m venv")


def test_no_python_is_one_sentence(machine: Machine) -> None:
    done = machine.setup()
    assert done.returncode == 1
    assert done.stderr == (
        "Lastgood needs Python 3.11 to 3.14: install one and try again, "
        "or name one with PYTHON=/path/to/python.\n"
    )


def test_a_python_too_old_or_too_new_is_named(machine: Machine) -> None:
    machine.python(fits=False)
    assert machine.setup().stderr == (
        "Lastgood needs Python 3.11 to 3.14, and this is Python 3.10.13: install one and try again, "
        "or name one with PYTHON=/path/to/python.\n"
    )


def test_another_python_is_taken_where_the_first_is_too_old_or_too_new(machine: Machine) -> None:
    machine.python("python3", fits=False)
    machine.python("python3.13")
    assert machine.setup().returncode == 0
    assert machine.called("python3.13 -m venv")


def test_no_venv_module_is_one_sentence_and_leaves_nothing(machine: Machine) -> None:
    machine.python(venv=False)
    done = machine.setup()
    assert done.returncode == 1
    assert done.stderr == (
        "python3 could not make a virtual environment: install its venv module "
        "(python3-venv on Debian and Ubuntu) or uv and try again.\n"
    )
    assert not (machine.project / ".venv").exists()


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_failed_download_shows_the_installers_words_and_one_sentence(machine: Machine, tool: str) -> None:
    fails = "echo 'no route to host' >&2; exit 1"
    machine.python(pip=fails)
    if tool == "uv":
        machine.uv(pip=fails)
    done = machine.setup()
    assert done.returncode == 1
    assert done.stderr == (
        f"no route to host\nThe packages could not be installed with {tool}: see the lines above. "
        "Check the network and try again; what was fetched is kept.\n"
    )


def test_a_full_disk_is_one_sentence(machine: Machine) -> None:
    machine.python(pip="echo 'OSError: [Errno 28] No space left on device'; exit 1")
    done = machine.setup()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "The disk is full: the environment needs 2 GB. Make room and try again."
    )


def test_an_unknown_set_of_packages_is_refused(machine: Machine) -> None:
    machine.python()
    assert machine.setup("everything").stderr == (
        "There is no package list deploy/locks/everything.txt: choose sandbox, dev or imaging.\n"
    )


APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
case "$*" in
    *install*) {install} ;;
esac
"""


def imaging(machine: Machine, *, user: int, install: str = "exit 0") -> subprocess.CompletedProcess[str]:
    """Set up what images, on a machine with apt-get, as a user."""
    machine.python()
    machine.lock("imaging", "astropy==1\n")
    machine.program("apt-get", APT_GET.format(install=install))
    machine.program("id", f"#!/bin/sh\necho {user}\n")
    return machine.setup("imaging", ".venv-imaging")


def test_the_program_that_images_is_installed_where_it_is_missing(machine: Machine) -> None:
    puts = f'printf "#!/bin/sh\\n" >"{machine.bin}/wsclean"; chmod +x "{machine.bin}/wsclean"'
    done = imaging(machine, user=0, install=puts)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Installing 1 packages into .venv-imaging with pip" in done.stdout
    assert done.stdout.endswith("Installing WSClean with apt-get.\n")
    assert machine.called("apt-get install -qq -y --no-install-recommends wsclean")
    again = machine.setup("imaging", ".venv-imaging")
    assert (again.returncode, again.stdout) == (0, "")
    assert not machine.called("apt-get")


MISSING = (
    "WSClean is missing, which makes the images: install the system's package wsclean (on Debian and Ubuntu: "
    "sudo apt-get install wsclean) and try again.\n"
)


def test_who_may_not_install_programs_reads_what_is_missing(machine: Machine) -> None:
    done = imaging(machine, user=1000)
    assert (done.returncode, done.stderr) == (1, MISSING)
    assert not machine.called("apt-get")
    again = machine.setup("imaging", ".venv-imaging")
    assert (again.returncode, again.stderr) == (1, MISSING), "it is missing still"
    assert not machine.called("-m pip install")


def test_a_program_that_cannot_be_installed_is_told_with_the_installers_words(machine: Machine) -> None:
    done = imaging(machine, user=0, install="echo 'Unable to locate package wsclean' >&2; exit 100")
    assert (done.returncode, done.stderr) == (1, f"Unable to locate package wsclean\n{MISSING}")


def test_the_users_choice_of_python_comes_first(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.python("python3.12")
    machine.python("mine")
    machine.calls.write_text("")
    environment = {"PATH": str(machine.bin), "CALLS": str(machine.calls), "PYTHON": str(machine.bin / "mine")}
    script = str(machine.project / "sandbox" / "setup.sh")
    assert subprocess.run([str(machine.bin / "sh"), script], env=environment, check=False).returncode == 0
    assert machine.called("mine -m venv")


def test_it_is_plain_posix_shell() -> None:
    dash = shutil.which("dash")
    if dash is None:
        pytest.skip("dash is not installed")
    for script in (PROJECT / "sandbox" / "setup.sh", PROJECT / "deploy" / "env.sh"):
        subprocess.run([dash, "-n", str(script)], check=True)
        assert os.access(PROJECT / "sandbox" / "setup.sh", os.X_OK)
