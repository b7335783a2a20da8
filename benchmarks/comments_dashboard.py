"""How quick the dashboard of comments is: `make bench BENCH="comments_dashboard 1000000"`, needs Chromium.

Makes so many comments over 26 weeks with their weekly figures, exports the dashboard in a process of its own, and
visits it with a real Chromium behind Python's own web server. Figures run from what the reader does to the frame after
the page shows the answer; medians of five visits, each in a fresh browser context, so nothing is cached.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from include.publishing import manifest as manifests
from include.sources.comments_weekly import dashboard
from include.storage.store import Store
from tests.web import comments, site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
COUNT, WEEKS, VISITS = 1_000_000, 26, 5
WATCH = """
window.when = (ready) => new Promise((done) => {
  const look = () => {
    if (!ready()) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now())));
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  look();
});
window.said = () => document.querySelector("#count")?.textContent ?? "";
window.answered = () => document.querySelector(".comments")?.getAttribute("aria-busy") === "false";
window.firstScreen = window.when(() => document.querySelector(".figure") && document.querySelector(".series path")
  && document.querySelector("#rankings tbody tr"));
"""
TO_COMMENTS = """async () => {
  const begun = performance.now();
  document.getElementById("comments").scrollIntoView();
  return await window.when(window.answered) - begun;
}"""
SEARCH = """async (text) => {
  const field = document.querySelector("#search");
  const begun = performance.now();
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await window.when(() => !window.answered());
  return [await window.when(window.answered) - begun, window.said()];
}"""
SEARCHES = (
    ("a word of every tenth comment", "finale"),
    ("two words", "season beautiful"),
    ("a phrase", '"avery cole"'),
    ("an emoji", "😂"),
    ("one letter", "z"),
    ("a word that is nowhere", "nowheretobefound"),
    ("two words that hardly meet: all parts are read", "lantern karomi"),
)


def main(arguments: Sequence[str]) -> None:
    """Measure with the number of comments that is told, or a million."""
    count = int(arguments[0]) if arguments else COUNT
    with tempfile.TemporaryDirectory(prefix="lastgood-bench-") as folder:
        store = Store.from_uri(Path(folder).as_uri())
        began = time.perf_counter()
        manifest = comments.seal(
            store, comments.generated(count, WEEKS), comments.weeks_until(comments.MONDAY, WEEKS)
        )
        print(
            f"{count:,} comments with the figures of {WEEKS} weeks made in {time.perf_counter() - began:.0f} s"
        )
        told = _export(store.uri, manifest.version)
        print(f"exported in {told['seconds']:.1f} s, peak memory {told['peak_mb']:.0f} MB")
        root = site.folder(store, dashboard.SITE)
        _sizes(root)
        with site.browser() as browser, site.served(root) as address:
            visits = [_visit(browser, address) for _ in range(VISITS)]
        for name in visits[0]:
            print(f"  {name:<64}{median(visit[name] for visit in visits):8.0f}")


def _export(uri: str, version: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.comments_dashboard", "export", uri, version],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"the export failed:\n{ran.stderr[-3000:]}")
    told: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return told


def _export_here(uri: str, version: str) -> None:
    store = Store.from_uri(uri)
    began = time.perf_counter()
    dashboard.export(store, manifests.require(store, "comments_weekly", version), comments.AS_OF)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.perf_counter() - began, "peak_mb": peak}))


def _sizes(root: Path) -> None:
    kinds = {
        "overview": "overview-*",
        "the newest week": f"week-{comments.MONDAY}-*",
        "trends": "trends-*",
        "catalogue of comments": "comments-*.json",
        "parts of comments": "comments-*.parquet",
        "index of words": "words-*",
    }
    for name, pattern in kinds.items():
        paths = list((root / "data").rglob(pattern))
        print(f"  {name}: {len(paths)} files, {sum(path.stat().st_size for path in paths) / 1e3:,.0f} kB")


def _visit(browser: Browser, address: str) -> dict[str, float]:
    """Milliseconds of each act on a fresh page, and the page's memory in MB."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(300_000)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    figures = {"first useful screen, ms": page.evaluate("window.firstScreen")}
    figures["the newest comments"] = page.evaluate(TO_COMMENTS)
    for name, text in SEARCHES:
        took, said = page.evaluate(SEARCH, text)
        figures[f"search: {name}"] = took
        if "comment" not in said or "…" in said:
            raise SystemExit(f"the page says of {text!r}: {said!r}")
    renderers = [
        each for each in psutil.Process().children(recursive=True) if "--type=renderer" in each.cmdline()
    ]
    figures["memory of the page, MB"] = max(each.memory_info().rss for each in renderers) / 1e6
    context.close()
    return figures


if __name__ == "__main__":
    if sys.argv[1:2] == ["export"]:
        _export_here(*sys.argv[2:])
    else:
        main(sys.argv[1:])
