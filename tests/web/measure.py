"""How quick the table page is with many rows: python -m tests.web.measure 110000 300000

Every figure runs from what the reader does to the frame after the page has changed, in a real Chromium, with the
site behind Python's own web server.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Browser

from include.sources.clinical.export import write_site
from include.storage.store import Store
from tests.web import rows, site

VISITS = 5
"""Of which the median is told: other work on the machine comes and goes."""
PAUSE = 400
"""Milliseconds between actions: without a GPU, painting goes on for a while after a frame."""
WATCH = """
window.painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))));
window.changed = (selector, before) => new Promise((done) => {
  const look = () => {
    const found = document.querySelector(selector)?.textContent;
    if (!found || found === before) return;
    observer.disconnect();
    window.painted().then(done);
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { subtree: true, childList: true, characterData: true });
  look();
});
window.firstScreen = window.changed("tbody tr", undefined);
"""
ACT = """async ([selector, value, watched]) => {
  const before = document.querySelector(watched).textContent;
  const target = document.querySelector(selector);
  const begun = performance.now();
  if (value === null) target.click();
  else {
    target.value = value;
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }
  return await window.changed(watched, before) - begun;
}"""
ACTIONS = (
    ("search for one word", "#search", "stitaprazole", "#count"),
    ("search for two words and a phrase", "#search", 'ta zole "breast cancer"', "#count"),
    ("search for a letter", "#search", "z", "#count"),
    ("search for what is nowhere", "#search", "qqqq", "#count"),
    ("clear the search", "#search", "", "#count"),
    ("filter a column by text", "#filter-title", "safety", "#count"),
    ("clear the filter", "#filter-title", "", "#count"),
    ("pick a phase", "#filter-phase input[value=PHASE3]", None, "#count"),
    ("clear", "#reset", None, "#count"),
    ("sort by title, first time", "th.is-title button", None, "tbody"),
    ("sort by title, other way", "th.is-title button", None, "tbody"),
    ("sort by CID", "th.is-cid button", None, "tbody"),
    ("sort by start", "th.is-start_date button", None, "tbody"),
    ("next page", "nav [aria-label='Next page']", None, "tbody"),
    ("last page", "nav [aria-label='Last page']", None, "tbody"),
)


def main() -> None:
    """Measure with each number of rows on the command line."""
    with site.browser() as browser:
        for count in [int(argument) for argument in sys.argv[1:]] or [110_000]:
            with tempfile.TemporaryDirectory() as folder:
                store = Store.from_uri(Path(folder).as_uri())
                manifest = rows.seal(store, rows.generated(count))
                begun = time.perf_counter()
                files = write_site(store, manifest, rows.AS_OF).files
                seconds = time.perf_counter() - begun
                loaded = sum(part.bytes for part in files.parts)
                print(f"\n{count:,} rows: exported in {seconds:.1f} s")
                sizes = {"CSV": files.csv.bytes, "JSONL": files.jsonl.bytes, "parts": loaded}
                print("  " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items()))
                with site.served(site.folder(store)) as address:
                    visits = [_visit(browser, address) for _ in range(VISITS)]
                for name in visits[0]:
                    print(f"  {name:<36} {median(visit[name] for visit in visits):8.0f}", flush=True)


def _visit(browser: Browser, address: str) -> dict[str, float]:
    """Milliseconds of each action on a fresh page, and the page's memory in MB."""
    page = browser.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    figures = {"first screen, ms": page.evaluate("window.firstScreen")}
    page.wait_for_selector("progress", state="detached", timeout=120_000)
    figures["all rows loaded"] = page.evaluate("window.painted()")
    for name, selector, value, watched in ACTIONS:
        page.wait_for_timeout(PAUSE)
        figures[name] = page.evaluate(ACT, [selector, value, watched])
    renderers = [process for process in psutil.Process().children(recursive=True) if _renders(process)]
    figures["memory of the page, MB"] = max(process.memory_info().rss for process in renderers) / 1e6
    page.close()
    return figures


def _renders(process: psutil.Process) -> bool:
    return "--type=renderer" in process.cmdline()


if __name__ == "__main__":
    main()
