"""A browser that may talk to the site under test and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from include.sources.clinical import export as exports
from include.storage.store import Store
from tests.web import rows, site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c63000100000500010d0a"
    "2db40000000049454e44ae426082"
)
PUBCHEM = "https://pubchem.ncbi.nlm.nih.gov/"
NOW = rows.AS_OF + timedelta(hours=5)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium for all tests."""
    pytest.importorskip("playwright", reason="needs playwright: pip install -r requirements-dev.txt")
    if site.chromium() is None:
        pytest.skip("needs Chromium: apt-get install chromium (or have google-chrome on the PATH)")
    with site.browser() as opened:
        yield opened


@dataclass
class Visit:
    """A page that is open, what it asked the network for and what it complained of."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, fragment: str = "") -> Page:
        """Go to the site and wait until what it shows first is there."""
        self.page.goto(self.address + fragment)
        self.loaded()
        return self.page

    def loaded(self) -> None:
        """Wait until every row is loaded or given up."""
        self.page.wait_for_selector("tbody tr, .empty")
        self.page.wait_for_selector("progress", state="detached")

    @property
    def elsewhere(self) -> list[str]:
        """Requests to other places than the site."""
        return [url for url in self.requests if not url.startswith((self.address, "blob:"))]


V = TypeVar("V", bound=Visit)


@contextmanager
def visiting(kind: type[V], browser: Browser, root: Path, now: datetime, **options: Any) -> Iterator[V]:
    """A page of its own for the site in a folder. Complaints and requests elsewhere fail the test."""
    with site.served(root) as address:
        context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"} | options
        )
        context.set_default_timeout(120_000)
        context.clock.set_fixed_time(now)
        found = kind(context.new_page(), address)
        context.route(f"{PUBCHEM}**", lambda route: route.fulfill(body=PICTURE, content_type="image/png"))
        context.on("request", lambda request: found.requests.append(request.url))
        context.on("weberror", lambda error: found.complaints.append(str(error.error)))
        context.on("console", lambda message: found.complaints.append(message.text))
        yield found
        context.close()
    assert found.complaints == []
    assert found.elsewhere == []


@pytest.fixture(scope="session")
def table() -> list[dict[str, Any]]:
    """The rows of the site that most tests look at, in order of the key."""
    strange = rows.row(
        10**7,
        1,
        compound_name=None,
        title='The "quoted" title, with, commas',
        phase=None,
        conditions=[],
        interventions=["one", "two", "three", "four", "five"],
        start_date=None,
        completion_date=None,
        last_update_date=None,
    )
    return [*rows.generated(320), strange]


@pytest.fixture(scope="session")
def exported(table: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site of several parts."""
    return export(tmp_path_factory.mktemp("site"), table)


def export(folder: Path, given: list[dict[str, Any]], as_of: datetime = rows.AS_OF) -> Path:
    """A site made of rows, in a store in the folder."""
    store = Store.from_uri(folder.as_uri())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exports, "FIRST_ROWS", 60)
        patched.setattr(exports, "PART_ROWS", 100)
        exports.export(store, rows.seal(store, given, as_of=as_of), as_of + timedelta(minutes=10))
    return site.folder(store)


@pytest.fixture
def root(exported: Path) -> Path:
    """What is served; tests that want another site say so."""
    return exported


@pytest.fixture
def visit(browser: Browser, root: Path) -> Iterator[Visit]:
    """The table page, five hours after the data."""
    with visiting(Visit, browser, root, NOW) as found:
        yield found
