"""Samples that several tests look at, and never change."""

from pathlib import Path
from typing import Any

import pytest

from tests import imaging_environment
from tests.sandbox.dsa110.making import make, truth

LOOKING = Path(__file__).with_name("looking.py")
SIZE = ("--tiles", "1", "--antennas", "24", "--channels", "2")


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the highest and the lowest sub-band of a tile without noise show, see looking.py."""
    inbox = tmp_path_factory.mktemp("quiet") / "inbox"
    make([inbox, *SIZE, "--quiet"])
    return imaging_environment.told(LOOKING, "peaks", inbox, "0", "15")


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The truth of a tile with noise, a dead antenna and interference, and what the sub-bands of the latter show."""
    inbox = tmp_path_factory.mktemp("noisy") / "inbox"
    make([inbox, *SIZE])
    known = truth(inbox)
    disturbed = {first // 2 for first, *_ in known["tiles"][0]["interference"]}
    return known, imaging_environment.told(LOOKING, "strengths", inbox, *map(str, sorted(disturbed)))
