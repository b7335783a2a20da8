"""Candidates: the same rows give the same bytes, and what is sealed is never changed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.publishing import manifest as manifests
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy


def test_the_same_rows_give_the_same_bytes(store: Store, registry: Registry) -> None:
    one, two = (toy.stage(store, registry, 5000, day=1, run=run) for run in "ab")
    assert [f.sha256 for f in one.files] == [f.sha256 for f in two.files]
    assert [f.path for f in one.files] != [f.path for f in two.files]


def test_a_sealed_candidate_is_never_changed(store: Store, registry: Registry) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    other = manifests.Manifest(
        **{n: getattr(manifest, n) for n in manifest.__struct_fields__} | {"run_id": "x"}
    )
    with pytest.raises(FileExistsError, match="sealed already"):
        manifests.write(store, other)
    assert manifests.write(store, manifest).bytes > 0, "sealing the same again is harmless"


def test_quarantined_rows_are_kept_with_reason_origin_and_hash(store: Store) -> None:
    with Candidate(store, toy.SOURCE, "20260301T000000Z-00000000", [toy.THINGS], 1, None) as candidate:
        candidate.write("things", [])
        candidate.quarantine(reason="no id", detail="$.id", raw="raw/x:7", sha256="ab", content=b"{\xff")
        manifest = candidate.seal(
            run_id="r",
            as_of=datetime(2026, 3, 1, tzinfo=UTC),
            created_at=datetime(2026, 3, 1, tzinfo=UTC),
            code_version="t",
            cursors={},
            counts={},
            upstream={},
        )
    assert (manifest.quarantine.rows, manifest.quarantine.reasons) == (1, {"no id": 1})
    assert manifest.quarantine.file is not None
    (row,) = store.dataset([manifest.quarantine.file.path]).to_table().to_pylist()
    assert row == {"reason": "no id", "detail": "$.id", "raw": "raw/x:7", "sha256": "ab", "content": b"{\xff"}
    assert manifest.table("things").rows == 0


def test_a_table_that_was_not_written_cannot_be_sealed(store: Store) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with (
        Candidate(store, toy.SOURCE, "v", [toy.THINGS], 1, None) as candidate,
        pytest.raises(ValueError, match=r"did not write.*things"),
    ):
        candidate.seal(
            run_id="r", as_of=now, created_at=now, code_version="t", cursors={}, counts={}, upstream={}
        )


def test_an_interval_end_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        manifests.version_id(datetime(2026, 3, 1), "run")


values = st.dictionaries(
    st.integers(0, 30), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)


def seal_parts(
    store: Store, run: str, parts: dict[str | None, dict[int, str] | None], previous: Manifest | None
) -> Manifest:
    """A candidate of things by part; a part that is None is kept from the version before."""
    version, now = f"20260301T000000Z-{run * 8}", datetime(2026, 3, 1, tzinfo=UTC)
    store.delete_tree(f"versions/toy/{version}")
    with Candidate(store, toy.SOURCE, version, [toy.THINGS], 1, previous) as candidate:
        for part, rows in parts.items():
            if rows is None:
                candidate.keep("things", str(part))
                continue
            listed = [
                {"id": k, "value": v, "content_hash": hashlib.md5(v.encode()).hexdigest()}
                for k, v in sorted(rows.items())
            ]
            candidate.write("things", pa.Table.from_pylist(listed, toy.THINGS.schema).to_batches(), part)
        return candidate.seal(
            run_id=run, as_of=now, created_at=now, code_version="t", cursors={}, counts={}, upstream={}
        )


def by_part(rows: dict[int, str]) -> dict[str | None, dict[int, str] | None]:
    return {str(part): {k: v for k, v in rows.items() if k % 3 == part} for part in range(3)}


@pytest.mark.parametrize("divided", [False, True])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=values, after=values)
def test_changes_tell_exactly_the_difference_between_two_versions(
    store: Store, divided: bool, before: dict[int, str], after: dict[int, str]
) -> None:
    old, new = (by_part(before), by_part(after)) if divided else ({None: before}, {None: after})
    first = seal_parts(store, "a", old, None)
    kept = {part: None if divided and old[part] == rows else rows for part, rows in new.items()}
    second = seal_parts(store, "b", kept, first)
    assert toy.read(store, second) == after and second.table("things").rows == len(after)
    manifests_ = [first, second]
    (changes,) = manifests_[1].changes
    expected = {("new", k) for k in after.keys() - before.keys()}
    expected |= {("deleted", k) for k in before.keys() - after.keys()}
    expected |= {("changed", k) for k in before.keys() & after.keys() if before[k] != after[k]}
    listed = store.dataset([changes.keys.path]).to_table().to_pylist() if changes.keys else []
    assert {(row["change"], row["id"]) for row in listed} == expected
    assert changes.total == len(expected)


def test_a_part_that_is_kept_is_the_file_of_the_version_before_and_says_which_part_it_is(
    store: Store,
) -> None:
    first = seal_parts(store, "a", by_part({1: "one", 2: "two", 3: "three"}), None)
    second = seal_parts(store, "b", {"0": None, "1": {1: "uno"}, "2": None}, first)
    assert [file.part for file in second.files] == ["0", "1", "2"]
    assert [file.path.split("/")[2][-1] for file in second.files] == ["a", "b", "a"]
    assert toy.read(store, second) == {1: "uno", 2: "two", 3: "three"}
    assert (second.changes[0].new, second.changes[0].changed, second.changes[0].deleted) == (0, 1, 0)
