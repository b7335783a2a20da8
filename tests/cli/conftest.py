"""The commands as typed, on a store and a registry of the test's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from include.cli.main import main
from include.storage.store import Store

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lastgood(
    store: Store, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """Run a command as `ana`; returns exit code, stdout and stderr."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("LASTGOOD_ROOT", store.uri)
    monkeypatch.setenv("LASTGOOD_REGISTRY", dsn)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["--who", "ana", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
