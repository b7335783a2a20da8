"""`python -m sandbox.new_source NAME`: lay out a new source from the example of docs/adding_a_source.md.

Every file of the page is written under the new name, and beside them a test that fails until the example's code is
gone. Nothing that is there is changed.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path("docs/adding_a_source.md")
EXAMPLE = "stations"
BLOCK = re.compile(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", re.DOTALL)
NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
TEST = '''"""{name}: what its upstream sends becomes the rows that its contract promises."""

from pathlib import Path

from include.sources import source as sources

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_of_the_example_is_left() -> None:
    spec = sources.spec("{name}")
    assert spec.title != "Weather stations", "say in include/sources/{name}/source.py what the source is"
    assert "example.org" not in (spec.host or ""), "name the upstream's host in include/sources/{name}/source.py"
    build = (ROOT / "include/sources/{name}/build.py").read_text(encoding="utf-8")
    assert "class Station(" not in build, "build.py still reads the records of the example"


def test_every_kind_of_record_that_the_upstream_sends_is_read() -> None:
    raise AssertionError("write down one record of each kind, and the rows that your build makes of it")
'''


class NotLaidOut(ValueError):
    """Nothing was written; the sentence says why."""


def files(root: Path, name: str) -> dict[Path, str]:
    """Every file of a source of that name, by its path below the project: the page's, and the test."""
    page = (root / PAGE).read_text(encoding="utf-8")
    made = {Path(_renamed(path, name)): _renamed(text, name) for path, text in BLOCK.findall(page)}
    for folder in ("include/sources", "sandbox"):
        made[Path(folder, name, "__init__.py")] = f'"""{name}: say in a line what the upstream is."""\n'
    made[Path("tests/sources", name, f"test_{name}.py")] = TEST.format(name=name)
    return made


def _renamed(text: str, name: str) -> str:
    """The example's text for another source: its module and folder names, and the class of its source."""
    title = "".join(part.capitalize() for part in name.split("_"))
    return re.sub(rf"\b{EXAMPLE}\b|(?<=/){EXAMPLE}\b", name, text).replace("Stations", title)


def lay_out(root: Path, name: str) -> list[Path]:
    """Write them; returns their paths, sorted. Raises NotLaidOut where the name cannot be one or a file is there."""
    if not NAME.fullmatch(name):
        raise NotLaidOut(
            f"{name!r} cannot be a source's name: 2 to 31 lower-case letters, digits and underscores, first a letter."
        )
    made = files(root, name)
    there = sorted(str(path) for path in made if (root / path).exists())
    if there:
        raise NotLaidOut(f"{', '.join(there)} is there already; nothing was written.")
    for path, text in made.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return sorted(made)


def main(arguments: list[str] | None = None) -> int:
    """0 when they were written, 2 with a sentence when not."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.new_source", description=__doc__)
    parser.add_argument("name", help="of the source, its folder and its DAG: stations, say")
    name = parser.parse_args(arguments).name
    try:
        made = lay_out(ROOT, name)
    except NotLaidOut as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for path in made:
        print(f"wrote {path}")
    print(f"\nIt runs as it is: make run SOURCES={name}. Now make it yours, file by file, as {PAGE} says;")
    print(f"make test TESTS=tests/sources/{name} fails until nothing of the example is left.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
