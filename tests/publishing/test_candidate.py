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
from include.publishing.refused import RefusedRow
from include.registry.registry import Registry
from include.storage import duckdb_session
from include.storage.store import Store
from include.storage.tables import CONTENT_HASH, Column, Table
from include.version import version_id
from tests import toy
from tests.publishing import quick


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
    with pytest.raises(FileExistsError, match="sealed already"):
        manifests.write(store, manifest)


def test_quarantined_rows_are_kept_with_reason_origin_and_hash(store: Store) -> None:
    with Candidate(store, toy.SOURCE, "20260301T000000Z-00000000", [toy.THINGS], 1, None) as candidate:
        candidate.write("things", [])
        candidate.arrived("things", 40)
        candidate.quarantine(
            RefusedRow("things", key="7", reason="no id", detail="$.id", raw="raw/x:7", content=b"{\xff")
        )
        manifest = candidate.seal(
            run_id="r",
            as_of=datetime(2026, 3, 1, tzinfo=UTC),
            created_at=datetime(2026, 3, 1, tzinfo=UTC),
            code_version="t",
            cursors={},
            counts={},
            upstream={},
        )
    kept = manifest.quarantine
    assert (kept.rows, kept.reasons, kept.arrived) == (1, {"no id": 1}, {"things": 40})
    assert kept.refused == {"things": 1}
    assert manifest.quarantine.file is not None
    (row,) = store.parquet(manifest.quarantine.file.path).to_table().to_pylist()
    assert row == {
        "kind": "things",
        "key": "7",
        "reason": "no id",
        "detail": "$.id",
        "raw": "raw/x:7",
        "sha256": hashlib.sha256(b"{\xff").hexdigest(),
        "bytes": 2,
        "content": b"{\xff",
        "left_out": None,
    }
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
        version_id(datetime(2026, 3, 1), "run")


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
    listed = store.parquet(changes.keys.path).to_table().to_pylist() if changes.keys else []
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


def sealed(candidate: Candidate, value: str) -> Manifest:
    """Write one thing and seal."""
    row = {"id": 1, "value": value, "content_hash": value}
    candidate.write("things", pa.Table.from_pylist([row], toy.THINGS.schema).to_batches())
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return candidate.seal(
        run_id="r", as_of=now, created_at=now, code_version=value, cursors={}, counts={}, upstream={}
    )


def made(store: Store, version: str = "v", previous: Manifest | None = None) -> Candidate:
    return Candidate(store, toy.SOURCE, version, [toy.THINGS], 1, previous)


def test_of_two_tries_the_first_that_seals_makes_the_candidate_and_the_other_leaves_nothing(
    any_store: Store,
) -> None:
    with made(any_store) as frozen, made(any_store) as retry:
        first = sealed(retry, "retry")
        assert sealed(frozen, "frozen") == first, "the lost try finds what was sealed"
    assert toy.read(any_store, first) == {1: "retry"}
    assert manifests.read(any_store, toy.SOURCE, "v") == first
    assert set(any_store.list("versions")) == {
        manifests.manifest_key(toy.SOURCE, "v"),
        *(file.path for file in first.files),
    }


def test_a_build_that_wakes_after_its_retry_was_promoted_harms_nothing(
    store: Store, registry: Registry
) -> None:
    latest = quick.publish(store, registry, 3, day=1)
    with pytest.raises(RuntimeError, match="it failed at last"), made(store, latest.version) as frozen:
        frozen.write("things", [])
        raise RuntimeError("it failed at last")
    with made(store, latest.version) as frozen:
        assert sealed(frozen, "late") == latest
    assert manifests.verify(store, latest)
    assert len(toy.served(registry)) == 3


def test_building_again_what_retention_removed_touches_no_file_that_latest_still_needs(
    store: Store, registry: Registry
) -> None:
    """A run is cleared whose version is long gone, while its files live on in later ones."""
    first = quick.publish(store, registry, {1: "same"}, day=1)
    kept = quick.publish(store, registry, {1: "same"}, day=2)
    assert kept.files == first.files
    store.delete(manifests.manifest_key(toy.SOURCE, first.version))
    with made(store, first.version) as again:
        sealed(again, "another")
    assert manifests.verify(store, kept)


def test_a_try_that_was_killed_leaves_a_folder_that_no_other_try_takes_for_its_own(store: Store) -> None:
    killed = made(store)
    killed.__enter__()
    killed.write("things", pa.Table.from_pylist([], toy.THINGS.schema).to_batches())
    left = store.list("versions")
    with made(store) as retry:
        manifest = sealed(retry, "whole")
    assert left and not {file.path for file in manifest.files} & set(left)
    assert set(left) <= set(store.list("versions")), "recovery removes it, by its age"


# --- content_hash ---


def seal_values(
    store: Store, day: int, parts: dict[str, dict[int, str] | None], previous: Manifest | None
) -> Manifest:
    """A candidate of things without a hash of their own, by part; None keeps that of the version before."""
    now = datetime(2026, 3, day, tzinfo=UTC)
    with Candidate(store, toy.SOURCE, f"v{day}", [toy.THINGS], 1, previous) as candidate:
        for part, rows in parts.items():
            if rows is None:
                candidate.keep("things", part)
                continue
            listed = [{"id": k, "value": v} for k, v in sorted(rows.items())]
            candidate.write("things", pa.Table.from_pylist(listed, toy.THINGS.values).to_batches(), part)
        return candidate.seal(
            run_id="r", as_of=now, created_at=now, code_version="t", cursors={}, counts={}, upstream={}
        )


def hashes(store: Store, manifest: Manifest) -> dict[int, str]:
    rows = manifests.dataset(store, manifest.table("things")).to_table().to_pylist()
    return {row["id"]: row["content_hash"] for row in rows}


def by_another_recipe(store: Store, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A version of an earlier release: other hashes, under another number or none."""
    with monkeypatch.context() as patch:
        patch.setattr(duckdb_session, "row_hash", lambda names: f"md5('other' || {names[0]})")
        patch.setattr(duckdb_session, "RECIPE", 0)
        return seal_values(store, 1, {"a": {1: "one", 2: "two"}, "b": {3: "three"}}, None)


def test_equal_rows_have_equal_hashes_in_every_version_and_part(any_store: Store) -> None:
    first = seal_values(any_store, 1, {"a": {1: "one", 2: "two"}}, None)
    second = seal_values(any_store, 2, {"a": {1: "one"}, "b": {2: "two"}}, first)
    assert hashes(any_store, first) == hashes(any_store, second)
    assert len(set(hashes(any_store, first).values())) == 2
    assert second.changes[0].total == 0


def test_a_new_recipe_alone_reports_no_row_as_changed_and_reaches_every_row(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = by_another_recipe(any_store, monkeypatch)
    second = seal_values(any_store, 2, {"a": {1: "one", 2: "two"}, "b": None}, first)
    assert (second.changes[0].total, second.changes[0].by_value) == (0, True)
    assert second.table("things").recipe == duckdb_session.RECIPE
    assert hashes(any_store, second) == hashes(
        any_store, seal_values(any_store, 3, {"a": {1: "one", 2: "two"}, "b": {3: "three"}}, None)
    )
    third = seal_values(any_store, 4, {"a": None, "b": {3: "drei"}}, second)
    assert (third.changes[0].changed, third.changes[0].by_value) == (1, False)
    assert third.files[0] == second.files[0]


def test_what_changed_beside_a_new_recipe_is_told(any_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = by_another_recipe(any_store, monkeypatch)
    second = seal_values(any_store, 2, {"a": {1: "one", 4: "four"}, "b": {3: "drei"}}, first)
    (changes,) = second.changes
    assert (changes.new, changes.changed, changes.deleted) == (1, 1, 1)


def test_a_row_taken_over_from_another_recipe_loses_its_hash(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = by_another_recipe(store, monkeypatch)
    query = "SELECT count(*), count(content_hash) FROM {}"
    with Candidate(store, toy.SOURCE, "v2", [toy.THINGS], 1, first) as candidate:
        candidate.register_previous("part_a", "things", "a")
        found = [
            candidate.connection.sql(query.format(view)).fetchall() for view in ("previous_things", "part_a")
        ]
    assert found == [[(3, 0)], [(2, 0)]]


def test_a_hash_covers_the_rows_of_the_tables_that_its_table_names(store: Store) -> None:
    text = pa.string()
    child = Table(
        "parts",
        "Parts.",
        ("id", "n"),
        (
            Column("id", text, "Whose.", required=True),
            Column("n", pa.int32(), "Which.", required=True),
            Column("value", text, "What."),
            CONTENT_HASH,
        ),
        serve=True,
    )
    whole = Table(
        "wholes",
        "Wholes.",
        ("id",),
        (Column("id", text, "Its id.", required=True), CONTENT_HASH),
        serve=True,
        covers=("parts",),
    )

    def of(day: int, parts: list[tuple[str, int, str]]) -> dict[str, str]:
        now = datetime(2026, 3, day, tzinfo=UTC)
        with Candidate(store, "toy", f"w{day}", [child, whole], 1, None) as candidate:
            rows = [{"id": i, "n": n, "value": v} for i, n, v in parts]
            candidate.write("parts", pa.Table.from_pylist(rows, child.values).to_batches())
            candidate.write(
                "wholes", pa.Table.from_pylist([{"id": i} for i in "abc"], whole.values).to_batches()
            )
            manifest = candidate.seal(
                run_id="r", as_of=now, created_at=now, code_version="t", cursors={}, counts={}, upstream={}
            )
        found = manifests.dataset(store, manifest.table("wholes")).to_table().to_pylist()
        return {row["id"]: row["content_hash"] for row in found}

    first = of(1, [("a", 1, "x"), ("a", 2, "y"), ("b", 1, "x")])
    second = of(2, [("a", 1, "x"), ("a", 2, "z"), ("b", 1, "x")])
    third = of(3, [("a", 1, "x"), ("b", 1, "x"), ("c", 1, None)])
    assert {key for key in "abc" if first[key] != second[key]} == {"a"}
    assert {key for key in "abc" if first[key] != third[key]} == {"a", "c"}
