"""The store and the second root of backups, by the Variables `lastgood_root` and `lastgood_backup_root`."""

from __future__ import annotations

from airflow.sdk import ObjectStoragePath, Variable

from include.publishing.store import Store

VARIABLE = "lastgood_root"
BACKUP_VARIABLE = "lastgood_backup_root"


def store() -> Store:
    """Open the store below the root that the Variable names. Raises ValueError where it is not set."""
    return _open(VARIABLE, Variable.get(VARIABLE, default=None))


def backup_root() -> Store | None:
    """Open the second root, or None where the Variable is not set. Raises ValueError where it names no root."""
    root = Variable.get(BACKUP_VARIABLE, default=None)
    return _open(BACKUP_VARIABLE, root) if root else None


def _open(variable: str, root: str | None) -> Store:
    if not root or "://" not in root:
        raise ValueError(
            f"the Variable {variable} is {root!r}; set it to file:///a/folder or s3://connection@bucket/prefix."
        )
    path = ObjectStoragePath(root)
    return Store(path.fs, path.path)
