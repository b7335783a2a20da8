"""Whether what was published is still what was checked: every file of versions against its manifest's checksum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from include.publishing import manifest as manifests
from include.publishing.registry import Registry
from include.publishing.store import Store, StoredFile


class WrongStore(LookupError):
    """The store holds nothing that the registry speaks of."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that is not what it should be, and the versions (SOURCE VERSION) that need it."""

    path: str
    why: str
    versions: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.path} {self.why}; of {', '.join(self.versions)}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was read, and what of it is damaged."""

    versions: int
    files: int
    bytes: int
    damaged: tuple[Damaged, ...]


def verify(
    store: Store,
    registry: Registry,
    source: str | None = None,
    *,
    all_versions: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Read every file of latest and the version before it, or of all published versions, of one source or of all.

    A file that several versions share is read once. Tables, lists of changes and refused rows are covered, and the
    manifests themselves by the checksum that the registry keeps. Raises WrongStore where not one of them is there.
    """
    files: dict[StoredFile, list[str]] = {}
    damaged: list[Damaged] = []
    chosen = _published(registry, source, all_versions=all_versions)
    keys = [manifests.manifest_key(owner, version) for owner, version, _ in chosen]
    if keys and not any(map(store.exists, keys)):
        raise WrongStore(
            f"{store.uri} has no manifest of the {len(keys)} versions that were to be read (the first would be "
            f"{keys[0]}): is this the store of this registry?"
        )
    for owner, version, sealed in chosen:
        key, name = manifests.manifest_key(owner, version), f"{owner} {version}"
        if why := _why(store, key, sealed):
            damaged.append(Damaged(key, why, (name,)))
            continue
        manifest = manifests.require(store, owner, version)
        beside = [manifest.quarantine.file, *(change.keys for change in manifest.changes)]
        for file in (*manifest.files, *filter(None, beside)):
            plain = StoredFile(path=file.path, bytes=file.bytes, sha256=file.sha256)
            files.setdefault(plain, []).append(name)
    total, read = sum(file.bytes for file in files), 0
    for number, (file, names) in enumerate(files.items(), 1):
        if why := _why(store, file.path, file.sha256):
            damaged.append(Damaged(file.path, why, tuple(names)))
        read += file.bytes
        report(f"{number:,} of {len(files):,} files, {read / 1e6:,.0f} of {total / 1e6:,.0f} MB")
    return Verification(len(chosen), len(files), total, tuple(damaged))


def _published(registry: Registry, source: str | None, *, all_versions: bool) -> list[tuple[str, str, str]]:
    """Source, version and checksum of the manifest of every version that is to be read, newest first."""
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT v.source, v.version, v.manifest_sha256 FROM lastgood.dataset_version v "
            "LEFT JOIN lastgood.latest l ON l.source = v.source AND v.version IN (l.version, l.previous) "
            "WHERE v.published_at IS NOT NULL AND (%(source)s::text IS NULL OR v.source = %(source)s) "
            "AND (%(all)s OR l.source IS NOT NULL) ORDER BY v.source, v.as_of DESC, v.staged_at DESC",
            {"source": source, "all": all_versions},
        )
        return [(row["source"], row["version"], row["manifest_sha256"]) for row in cursor.fetchall()]


def _why(store: Store, key: str, sha256: str) -> str | None:
    """What is wrong with a file; None where it is as it was sealed."""
    if not store.exists(key):
        return "is missing"
    found = store.sha256(key)
    return None if found == sha256 else f"was altered: SHA-256 {found[:12]}… instead of {sha256[:12]}…"
