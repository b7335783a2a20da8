"""What `make run` says of a run that ended well and published nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from include.registry.registry import Registry
from include.storage.store import Store
from sandbox import run
from tests import toy


@pytest.mark.parametrize("status", ["held", "ok"])
def test_a_version_that_waits_or_is_older_than_latest_is_no_failure(
    store: Store, registry: Registry, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    toy.publish(store, registry, 100, day=1)
    sandbox: Any = SimpleNamespace(store=store, registry=registry)
    ended = {"status": status, "version": "20261130T093315Z-4eaac9f8", "steps": {"promote": {"said": "Why."}}}
    assert run._show_end(sandbox, toy.SOURCE, ended, 3.0, "the log") == run.DONE
    assert capsys.readouterr().out == "  NOT promoted after 3 s: Why.\n"
