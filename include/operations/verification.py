"""Whether what was published is still what was checked: every file of versions against its manifest's checksum, and
every serving table against the files of latest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from include import arguments
from include.operations import contents
from include.operations.contents import Compared
from include.publishing import manifest as manifests
from include.registry import versions
from include.registry.registry import Registry
from include.storage.store import Store, StoredFile


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
    served: tuple[Compared, ...]
    """The serving tables that were compared with the files of latest."""

    @property
    def unequal(self) -> tuple[Compared, ...]:
        """The serving tables that do not hold what the files hold."""
        return tuple(each for each in self.served if not each.equal)

    @property
    def troubles(self) -> list[str]:
        """A sentence for everything that is not as it should be."""
        return [each.sentence for each in self.damaged] + [each.sentence for each in self.unequal]


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
    manifests themselves by the checksum that the registry keeps. Then every row of the serving tables is compared with
    the files of latest. Raises WrongStore where not one of them is there.
    """
    arguments.check(source=source)
    files: dict[StoredFile, list[str]] = {}
    damaged: list[Damaged] = []
    with registry.transaction() as cursor:
        chosen = versions.published(cursor, source, all_versions=all_versions)
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
    broken, served = {each.path for each in damaged}, []
    for owner in dict.fromkeys(owner for owner, _, _ in chosen):
        for compared in contents.compare(store, registry, owner, broken):
            served.append(compared)
            report(f"{compared.table}: {compared.rows:,} rows compared")
    return Verification(len(chosen), len(files), total, tuple(damaged), tuple(served))


def _why(store: Store, key: str, sha256: str) -> str | None:
    """What is wrong with a file; None where it is as it was sealed."""
    if not store.exists(key):
        return "is missing"
    found = store.sha256(key)
    return None if found == sha256 else f"was altered: SHA-256 {found[:12]}… instead of {sha256[:12]}…"
