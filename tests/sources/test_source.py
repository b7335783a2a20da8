"""Every folder of include/sources holds one object that is what its spec says."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from include.sources import source as sources
from include.sources.source import Collected, Divided, Exported, Probed


@pytest.mark.parametrize("name", sources.names())
def test_a_source_can_do_what_its_spec_says(name: str) -> None:
    source = sources.load(name)
    assert source.spec.name == name
    assert isinstance(source, Probed) != source.spec.derived
    assert isinstance(source, Divided) == (source.spec.units is not None)
    assert isinstance(source, Collected) == (not source.spec.derived and source.spec.units is None)
    assert isinstance(source, Exported) == sources.exports(name)
    schema = source.schema()
    assert len({table.name for table in schema.tables}) == len(schema.tables) > 0
    assert set(schema.migrations) <= set(range(2, schema.version + 1))


def test_a_dag_reads_the_specs_without_what_the_steps_need() -> None:
    code = (
        "import sys\n"
        "from include.sources import source as sources\n"
        "for name in sources.names(): sources.spec(name), sources.exports(name)\n"
        "print([m for m in ('duckdb', 'pandas', 'pyarrow', 'psycopg', 'requests') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_spec_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="ctgov has no schedule, and is not derived"):
        replace(sources.spec("ctgov"), schedule=None)
    with pytest.raises(ValueError, match="clinical is derived, and its spec names no inputs"):
        replace(sources.spec("clinical"), inputs=())


@pytest.mark.parametrize(("schedule", "follows"), [(None, True), ("0 9 * * 1", False)])
def test_a_derived_source_follows_its_inputs_unless_it_has_a_schedule(
    schedule: str | None, follows: bool
) -> None:
    spec = replace(sources.spec("clinical"), schedule=schedule)
    assert (spec.derived, spec.follows_inputs) == (True, follows)


def test_a_source_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        LookupError,
        match="there is no source 'nothing'; there are: clinical, comments, comments_weekly, ctgov",
    ):
        sources.load("nothing")
    half = SimpleNamespace(SOURCE=SimpleNamespace(spec=sources.spec("ctgov"), build=print))
    monkeypatch.setitem(sys.modules, "include.sources.ctgov.source", half)
    with pytest.raises(
        TypeError, match=r"SOURCE in include/sources/ctgov/source\.py needs spec, schema and build"
    ):
        sources.load("ctgov")
