"""The store, the second root of backups and the inboxes of sources, each by the Variable that names its root."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.sdk import BaseHook, ObjectStoragePath, Variable
from airflow.sdk.exceptions import AirflowNotFoundException

from include.storage.inbox import Inbox
from include.storage.store import Store
from include.upstream.limits import BadSetting

VARIABLE = "lastgood_root"
BACKUP_VARIABLE = "lastgood_backup_root"


def store() -> Store:
    """Open the store below the root that the Variable names. Raises BadSetting where there is none."""
    return _open(VARIABLE, Variable.get(VARIABLE, default=None))


def backup_root() -> Store | None:
    """Open the second root, or None where the Variable is not set. Raises BadSetting where it names no root."""
    root = Variable.get(BACKUP_VARIABLE, default=None)
    return _open(BACKUP_VARIABLE, root) if root else None


def inbox(variable: str) -> Inbox | None:
    """Open the inbox that a Variable names, or None where it is not set. Raises BadSetting where it names no root."""
    root = Variable.get(variable, default=None)
    return Inbox(_open(variable, root)) if root else None


def _open(variable: str, root: str | None) -> Store:
    said = f"the Variable {variable} is {root!r}"
    if not root or "://" not in root:
        raise BadSetting(f"{said}; set it to file:///a/folder or s3://connection@bucket/prefix.")
    try:
        if connection := urlsplit(root).username:
            # Airflow goes on without a connection that is not there, and asks with whatever rights the machine has.
            BaseHook.get_connection(connection)
        path = ObjectStoragePath(root)
        return Store(path.fs, path.path)
    except (ValueError, AirflowNotFoundException) as error:
        raise BadSetting(f"{said}, which cannot be opened: {error}.") from error
