"""What an upstream sends never keeps a failure from being written down."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from include.storage.storable import storable

ODD = st.text(st.sampled_from("aé\0\ud800\udfff😀"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | ODD,
        lambda of: st.lists(of) | st.dictionaries(ODD, of) | st.tuples(of, of),
        max_leaves=8,
    )
)
def test_whatever_came_can_be_written_as_strict_json(value: object) -> None:
    written = json.dumps(storable(value), allow_nan=False, ensure_ascii=False).encode()
    assert b"\\u0000" not in written


def test_what_can_be_stored_stays_as_it_is() -> None:
    fine = {"a": ["é😀", 1, 1.5, None, True]}
    assert storable(fine) == fine
    assert storable(["a\0b", "\ud800", math.nan, -math.inf]) == ["a b", "?", "nan", "-inf"]
