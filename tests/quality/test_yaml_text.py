"""YAML is read as Soda's own parser reads it, or refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from include.quality import yaml_text
from include.quality.contract import CONTRACTS
from include.quality.yaml_text import Ambiguous

ODD = [
    *(
        "1:00",
        "190:20:30",
        "1:30.5",
        "010",
        "-010",
        "00",
        "08",
        "0o10",
        "0x1F",
        "0b11",
        "1_000",
        "1__0",
        "0_1",
    ),
    *("yes", "no", "on", "off", "Yes", "NO", "On", "OFF", "True", "TRUE", "Null", "NULL", "=", "<<"),
    *(".5e3", "1e3", "12e03", "1.e3", "5.", ".5", "+.5", "1E5", "685.230_15e+03", "1e999", "1.0e+999"),
    *(".inf", "-.INF", ".nan", ".NaN", "2024-01-01", "2024-01-01T10:00:00Z"),
]
FINE = {
    "7": 7,
    "-7": -7,
    "+7": 7,
    "0": 0,
    "0.5": 0.5,
    "-10.25": -10.25,
    "1.5e+3": 1500.0,
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
    "y": "y",
    "n": "n",
    "text": "text",
    "1 thing": "1 thing",
    "_1x": "_1x",
    "NaN": "NaN",
    "inf": "inf",
    "'no'": "no",
    '"010"': "010",
    "'1:00'": "1:00",
}


def as_soda_reads(text: str) -> Any:
    return plain(YAML().load(text))


def plain(value: Any) -> Any:
    """Without ruamel's own types."""
    if isinstance(value, dict):
        return {plain(name): plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for type_ in (int, float, str):
        if isinstance(value, type_):
            return type_(value)
    return repr(value)


@pytest.mark.parametrize("scalar", ODD)
@pytest.mark.parametrize("around", ["a:\n  b: {}", "a: [1, {}]", "{}: 1", "a: {{b: {}}}"])
def test_what_is_read_in_two_ways_is_refused_with_line_and_value(scalar: str, around: str) -> None:
    with pytest.raises(Ambiguous) as refused:
        yaml_text.load(around.format(scalar))
    assert repr(scalar) in str(refused.value)
    assert f"line {1 + around.count(chr(10))}: " in str(refused.value)


@pytest.mark.parametrize("scalar", ODD)
def test_it_is_fine_in_quotes(scalar: str) -> None:
    assert yaml_text.load(f"a: '{scalar}'") == {"a": scalar} == as_soda_reads(f"a: '{scalar}'")


@pytest.mark.parametrize(("scalar", "means"), FINE.items())
def test_the_ordinary_means_what_it_says(scalar: str, means: Any) -> None:
    found = yaml_text.load(f"a: {scalar}")
    assert found == {"a": means} == as_soda_reads(f"a: {scalar}")
    assert type(found["a"]) is type(means)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice"),
        ("a: {b: 1, b: 2}", "line 1: the key 'b' stands twice"),
        ("a: &x [1]\nb: *x", "line 1: an alias"),
        ("a: &x 1\nb: *x", "an alias"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "line 3: "),
        ("a: !!int '7'", "line 1: the tag 'tag:yaml.org,2002:int' at '7' is refused"),
        ("a: !!str 7", "the tag"),
        ("a: !thing {b: 1}", "line 1: the tag '!thing' is refused"),
        ("a: !!set {b}", "the tag"),
        ("? [a, b]\n: 1", "line 1: a key is a single word"),
        ("a: SELECT ${env.HOME}", "holds a variable"),
        ("a: '${var.x}'", "holds a variable"),
        ("a: |\n  x\n  ${ var.x }", "line 1: "),
        ("a: [1", "flow sequence"),
        ("a: 1\n---\nb: 2", "single document"),
        ("a: '\0'", "special characters|control characters"),
    ],
)
def test_what_one_reader_forgives_or_expands_is_refused(text: str, why: str) -> None:
    with pytest.raises(Ambiguous, match=why):
        yaml_text.load(text)


@settings(max_examples=500, deadline=None)
@given(
    st.text(st.sampled_from("0123456789.eE+-_:xobinfaNIyesnotruml~=< TZ"), max_size=12)
    | st.from_regex(r"[-+]?[0-9_.:]{1,8}([eE][-+]?[0-9]{1,3})?", fullmatch=True)
)
@example("1e3")
@example("0o7")
def test_whatever_is_taken_is_read_alike(scalar: str) -> None:
    text = f"a: {scalar}\n"
    try:
        found = yaml_text.load(text)
    except Ambiguous:
        return
    try:
        soda = as_soda_reads(text)
    except (YAMLError, ValueError, IndexError):  # it fails over a lone `-_` or `._`
        return
    assert found == soda and type(found["a"]) is type(soda["a"])
    assert not isinstance(found["a"], float) or math.isfinite(found["a"])


@pytest.mark.parametrize(
    "path", sorted(CONTRACTS.glob("*/*.yml")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_every_contract_is_read_as_soda_reads_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml_text.load(text) == as_soda_reads(text)
