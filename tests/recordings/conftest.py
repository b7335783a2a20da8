"""The recordings of real upstream answers lie beside the project and are read by these tests only.

twins.py names for each of them what proves the same without the recordings, or says why nothing does.
"""

from pathlib import Path

import pytest

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.recordings)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of the recordings; tests that need it are skipped where it is absent."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings at {RECORDINGS}: this test compares with real upstream answers")
    return RECORDINGS
