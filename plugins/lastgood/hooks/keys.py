"""Secret keys of sources: the passwords of the connections that Spec.keys names."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException


def keys(connections: Sequence[str]) -> dict[str, bytes]:
    """The keys of these connections by their names, of those that are there and have a password."""
    found: dict[str, bytes] = {}
    for name in connections:
        try:
            password = BaseHook.get_connection(name).password
        except AirflowNotFoundException:
            continue
        if password:
            found[name] = password.encode()
    return found
