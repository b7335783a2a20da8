"""An exported site behind a web server, and the browser that opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from include.sources.clinical.export import SITE
from include.storage.store import Store
from sandbox import checks

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def folder(store: Store, root: str = SITE) -> Path:
    """Where the exported site of a root lies; the table page's where it is not told."""
    return Path(store.full(root))


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The folder behind Python's own web server (what `python -m http.server -d` runs); its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Not to the terminal."""


def chromium() -> str | None:
    """The installed Chromium, or None."""
    return checks.chromium()


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium that talks to nobody of its own accord."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium(), chromium_sandbox=False, args=list(_FLAGS)
        )
        yield opened
        opened.close()
