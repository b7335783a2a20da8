"""The committed pages: built from the sources that stand in web/, and nothing in them reaches elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from include.sources.clinical.export import PAGE as TABLE
from include.sources.clinical.export import TITLES
from include.sources.clinical.tables import CLINICAL_COMPOUND_TRIALS
from include.sources.comments_weekly.dashboard import PAGE as DASHBOARD
from include.sources.pages import SOURCES

WEB = Path(__file__).resolve().parents[2] / "web"
PAGES = {"table": TABLE, "dashboard": DASHBOARD}
"""By their folder in web/."""
HASHED = re.compile(r"[\w-]+-[\w-]{8}\.(js|css|svg)")
PICTURES = {"table": "'self' https://pubchem.ncbi.nlm.nih.gov", "dashboard": "'self'"}
HOSTS = {
    "table": {"clinicaltrials.gov", "pubchem.ncbi.nlm.nih.gov"},
    "dashboard": set[str](),
}

every_page = pytest.mark.parametrize(("name", "page"), PAGES.items(), ids=list(PAGES))


def test_the_build_writes_each_page_where_its_source_exports_it_from() -> None:
    folders = json.loads((WEB / "pages.json").read_text())
    assert {name: (WEB / folder).resolve() for name, folder in folders.items()} == PAGES


@every_page
def test_the_page_was_built_from_these_sources(name: str, page: Path) -> None:
    others = set(PAGES) - {name}
    sources = (path.relative_to(WEB) for path in WEB.rglob("*") if path.is_file())
    own = [path for path in sources if path.parts[0] not in {"node_modules", *others}]
    lines = [f"{hashlib.sha256((WEB / path).read_bytes()).hexdigest()}  {path.as_posix()}" for path in own]
    built = (page / SOURCES).read_text().splitlines()
    assert sorted(lines) == sorted(built), "web/ was changed: build the pages (docs/table_page.md)"


@every_page
def test_every_asset_is_named_by_its_content_and_used(name: str, page: Path) -> None:
    assets = sorted(path.name for path in (page / "assets").iterdir())
    text = "".join(path.read_text() for path in page.rglob("*") if path.suffix in {".html", ".js"})
    assert assets
    for asset in assets:
        assert HASHED.fullmatch(asset)
        assert asset in text
    assert set(re.findall(r"assets/([^\"'`]+)", (page / "index.html").read_text())) <= set(assets)


@every_page
def test_the_page_has_a_strict_policy_and_keeps_it(name: str, page: Path) -> None:
    html = (page / "index.html").read_text()
    found = re.search(r'Content-Security-Policy"\s+content="([^"]+)"', html)
    assert found
    policy = dict(rule.split(" ", 1) for rule in found[1].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == PICTURES[name]
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in found[1]
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", html)


@every_page
def test_the_bundle_names_no_hosts_but_those_it_links_to(name: str, page: Path) -> None:
    code = "".join(path.read_text() for path in (page / "assets").glob("*.js"))
    hosts = set(re.findall(r"(?:https?:)?//([\w-]+(?:\.[\w-]+)+)", code))
    # www.w3.org: names of XML name spaces
    assert hosts <= HOSTS[name] | {"www.w3.org"}


@every_page
def test_dependencies_are_exact_and_come_from_no_named_registry(name: str, page: Path) -> None:
    package = json.loads((WEB / "package.json").read_text())
    for version in (package["dependencies"] | package["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    lock = json.loads((WEB / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all(
        "resolved" not in entry and entry["integrity"].startswith("sha512-") for entry in packages.values()
    )
    licences = (page / "LICENSES.txt").read_text()
    assert all(f"{name} {version}" in licences for name, version in package["dependencies"].items())


def test_every_column_of_the_table_has_a_title() -> None:
    assert tuple(TITLES) == CLINICAL_COMPOUND_TRIALS.names


def luminance(colour: str) -> float:
    digits = colour * 2 if len(colour) == 3 else colour
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def colours(theme: int, *styles: str) -> dict[str, str]:
    """The colours of style sheets by their names, in the light or the dark theme."""
    found: dict[str, str] = {}
    for style in styles:
        light, dark = re.findall(r":root \{(.*?)\}", (WEB / style).read_text(), re.DOTALL)
        found |= dict(re.findall(r"--([\w-]+): #(\w+);", (light, light + dark)[theme]))
    return found


def contrast(one: str, other: str) -> float:
    light, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dim + 0.05)


both_themes = pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
GROUNDS = ("ground", "surface", "head", "accent-soft", "stale", "failure")


@both_themes
@pytest.mark.parametrize("ink", ["text", "muted", "accent"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_stands_out_from_every_ground(theme: int, ink: str, ground: str) -> None:
    found = colours(theme, "shared/base.css")
    assert contrast(found[ink], found[ground]) >= 4.5, "WCAG 2.2, 1.4.3"


@both_themes
def test_what_goes_up_or_down_stands_out_as_text_and_lines_stand_out_as_graphics(theme: int) -> None:
    found = colours(theme, "shared/base.css", "dashboard/style.css")
    for ink in ("rising", "falling"):
        assert contrast(found[ink], found["surface"]) >= 4.5, f"{ink}: WCAG 2.2, 1.4.3"
    for ink in (*(f"line-{number}" for number in range(6)), "very-positive", "very-negative", "accent"):
        assert contrast(found[ink], found["surface"]) >= 3, f"{ink}: WCAG 2.2, 1.4.11"
