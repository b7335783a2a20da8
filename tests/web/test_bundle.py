"""The committed page: built from the sources that stand in web/, and nothing in it reaches elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from include.sources.clinical.export import PAGE, SOURCES, TITLES
from include.sources.clinical.tables import CLINICAL_COMPOUND_TRIALS

WEB = Path(__file__).resolve().parents[2] / "web"
HASHED = re.compile(r"[\w-]+-[\w-]{8}\.(js|css|svg)")


def test_the_page_was_built_from_these_sources() -> None:
    sources = (path for path in WEB.rglob("*") if path.is_file() and "node_modules" not in path.parts)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(WEB).as_posix()}"
        for path in sources
    ]
    built = (PAGE / SOURCES).read_text().splitlines()
    assert sorted(lines) == sorted(built), "web/ was changed: build the page (docs/table_page.md)"


def test_every_asset_is_named_by_its_content_and_used() -> None:
    assets = sorted(path.name for path in (PAGE / "assets").iterdir())
    text = "".join(path.read_text() for path in PAGE.rglob("*") if path.suffix in {".html", ".js"})
    assert assets
    for name in assets:
        assert HASHED.fullmatch(name)
        assert name in text
    assert set(re.findall(r"assets/([^\"'`]+)", (PAGE / "index.html").read_text())) <= set(assets)


def test_the_page_has_a_strict_policy_and_keeps_it() -> None:
    html = (PAGE / "index.html").read_text()
    found = re.search(r'Content-Security-Policy"\s+content="([^"]+)"', html)
    assert found
    policy = dict(rule.split(" ", 1) for rule in found[1].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "'self' https://pubchem.ncbi.nlm.nih.gov"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in found[1]
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", html)


def test_the_bundle_names_no_hosts_but_those_it_links_to() -> None:
    code = "".join(path.read_text() for path in (PAGE / "assets").glob("*.js"))
    hosts = set(re.findall(r"(?:https?:)?//([\w-]+(?:\.[\w-]+)+)", code))
    # www.w3.org: names of XML name spaces
    assert hosts <= {"clinicaltrials.gov", "pubchem.ncbi.nlm.nih.gov", "www.w3.org"}


def test_dependencies_are_exact_and_come_from_no_named_registry() -> None:
    package = json.loads((WEB / "package.json").read_text())
    for version in (package["dependencies"] | package["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    lock = json.loads((WEB / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all(
        "resolved" not in entry and entry["integrity"].startswith("sha512-") for entry in packages.values()
    )
    licences = (PAGE / "LICENSES.txt").read_text()
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


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["text", "muted", "accent"])
@pytest.mark.parametrize("ground", ["ground", "surface", "head", "accent-soft", "stale", "failure"])
def test_text_stands_out_from_every_ground(theme: int, ink: str, ground: str) -> None:
    style = (WEB / "src" / "style.css").read_text()
    first, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): #(\w+);", (first, first + dark)[theme]))
    light, dim = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dim + 0.05) >= 4.5, "WCAG 2.2, 1.4.3"
