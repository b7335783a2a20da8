"""The store, by the Variable `lastgood_root`: file:///… or s3://conn@bucket/prefix."""

from __future__ import annotations

from airflow.sdk import ObjectStoragePath, Variable

from include.publishing.store import Store

VARIABLE = "lastgood_root"


def store() -> Store:
    """Open the store below the root that the Variable names. Raises ValueError where it is not set."""
    root = Variable.get(VARIABLE, default=None)
    if not root or "://" not in root:
        raise ValueError(
            f"the Variable {VARIABLE} is {root!r}; set it to file:///a/folder or s3://connection@bucket/prefix."
        )
    path = ObjectStoragePath(root)
    return Store(path.fs, path.path)
