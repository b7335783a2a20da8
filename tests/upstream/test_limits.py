"""What a connection's extra may say about an upstream."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.upstream.limits import BadSetting, Limits

DEFAULTS = Limits(per_second=5, per_minute=400, burst=2)


def test_without_extra_the_defaults_hold() -> None:
    assert Limits.from_extra({}, DEFAULTS) == DEFAULTS


def test_every_key_replaces_its_default() -> None:
    limits = Limits.from_extra(
        {
            "pace": 2.5,
            "per_minute": 100,
            "burst": 3,
            "concurrency": 4,
            "attempts": 9,
            "timeout": [3, 20],
            "total_timeout": 90,
            "max_bytes": 1_000_000,
            "backoff_first": 0.5,
            "backoff_max": 8,
            "retry_after_max": 30,
        },
        DEFAULTS,
    )
    assert limits == Limits(
        per_second=2.5,
        per_minute=100,
        burst=3,
        concurrency=4,
        attempts=9,
        timeout_seconds=(3.0, 20.0),
        total_seconds=90.0,
        max_bytes=1_000_000,
        backoff_first=0.5,
        backoff_max=8.0,
        retry_after_max=30.0,
    )


def test_numbers_may_be_text_as_in_a_connection_given_as_a_uri() -> None:
    limits = Limits.from_extra({"pace": "0", "burst": "7", "timeout": "30"}, DEFAULTS)
    assert (limits.per_second, limits.burst, limits.timeout_seconds) == (0.0, 7, (30.0, 30.0))
    assert limits.per_minute == 400


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pace", -1),
        ("pace", "fast"),
        ("pace", True),
        ("pace", "nan"),
        ("pace", float("inf")),
        ("pace", None),
        ("burst", 0),
        ("burst", 1.5),
        ("attempts", 0),
        ("attempts", 1000),
        ("concurrency", 11),
        ("timeout", 0),
        ("timeout", [1]),
        ("timeout", [1, 0]),
        ("timeout", {"read": 1}),
        ("max_bytes", "64 MiB"),
        ("per_minute", 1e300),
    ],
)
def test_a_bad_value_is_refused_with_its_key_and_what_it_is(key: str, value: Any) -> None:
    with pytest.raises(BadSetting) as caught:
        Limits.from_extra({key: value}, DEFAULTS)
    assert f"`{key}`" in str(caught.value)
    assert repr(value) in str(caught.value)


def test_an_unknown_key_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(BadSetting, match=r"unknown key `pase`.*pace, per_minute, burst"):
        Limits.from_extra({"pase": 5}, DEFAULTS)


@given(
    st.dictionaries(
        st.sampled_from(["pace", "burst", "timeout", "max_bytes", "attempts", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
            max_leaves=4,
        ),
        max_size=3,
    )
)
def test_whatever_stands_in_extra_gives_sane_limits_or_one_clear_error(extra: dict[str, Any]) -> None:
    try:
        limits = Limits.from_extra(extra, DEFAULTS)
    except BadSetting as error:
        assert len(str(error)) < 500
    else:
        assert 0 <= (limits.per_second or 0) <= 10_000
        assert limits.burst >= 1
        assert limits.attempts >= 1
        assert all(0 < seconds <= 3600 for seconds in limits.timeout_seconds)
