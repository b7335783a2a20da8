"""The pictures in docs/images: python -m tests.web.pictures"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from include.sources.clinical.export import export
from include.storage.store import Store
from tests.web import rows, site

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
ROWS = 20_000
DESKTOP = {"width": 1440, "height": 860}
VIEW = "#search=cancer&phase=PHASE2&phase=PHASE1%2FPHASE2&sort=-start_date"


def main() -> None:
    """Export a site of made-up rows and take its pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, site.browser() as browser:
        store = Store.from_uri(Path(folder).as_uri())
        export(store, rows.seal(store, rows.generated(ROWS)), rows.AS_OF)
        with site.served(site.folder(store)) as address:

            def take(name: str, **options: Any) -> None:
                page = browser.new_page(**options)
                page.clock.set_fixed_time(rows.AS_OF + timedelta(hours=5))
                page.goto(address + VIEW)
                page.wait_for_selector("tbody tr")
                page.wait_for_selector("progress", state="detached")
                if name == "table_page":
                    page.click("button[popovertarget=filter-phase]")
                page.screenshot(path=IMAGES / f"{name}.png")
                page.close()

            take("table_page", viewport=DESKTOP)
            take("table_page_dark", viewport=DESKTOP, color_scheme="dark")
            take("table_page_phone", viewport={"width": 390, "height": 844}, is_mobile=True)


if __name__ == "__main__":
    main()
