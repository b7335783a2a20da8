"""Arrivals, groups and tiles of a source: lastgood.arrival, lastgood.tile_group and lastgood.tile."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from include.registry.registry import Registry
from include.upstream.observations import Arrival, Group, Identify, Tile, identify

log = logging.getLogger(__name__)
IDS = 1_000
"""So many stamps are tried until a group has an id of its own."""
_ARRIVAL = ", ".join(Arrival.__struct_fields__)
_TILE = ", ".join(Tile.__struct_fields__)
Cursor = psycopg.Cursor[dict[str, Any]]


class NoFreeId(RuntimeError):
    """Every id that was tried for a group belongs to another one."""


class _Grouped(Exception):
    """Members of a group are in another one by now."""


class StoredObservations:
    """What the registry knows of a source's arrivals, groups and tiles; each method is one transaction.

    `identify` makes the id of a group; tests give one that collides.
    """

    def __init__(self, registry: Registry, source: str, identify: Identify = identify) -> None:
        self._registry, self._source, self._identify = registry, source, identify

    def arrived(self, arrivals: Sequence[Arrival]) -> None:
        """See Observations.arrived."""
        with self._registry.transaction() as cursor:
            cursor.executemany(
                f"INSERT INTO lastgood.arrival (source, {_ARRIVAL}) VALUES (%s, %s, %s, %s, %s, %s, %s) "  # noqa: S608
                "ON CONFLICT DO NOTHING",
                [(self._source, *msgspec.structs.astuple(arrival)) for arrival in arrivals],
            )

    def refuse(self, arrival: Arrival, reason: str) -> None:
        """See Observations.refuse."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                f"INSERT INTO lastgood.arrival AS a (source, {_ARRIVAL}, refused) "  # noqa: S608
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (source, path, bytes, modified) "
                "DO UPDATE SET refused = excluded.refused WHERE a.group_id IS NULL",
                (self._source, *msgspec.structs.astuple(arrival), reason),
            )

    def known(self, paths: Collection[str]) -> list[Arrival]:
        """See Observations.known."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                f"SELECT {_ARRIVAL} FROM lastgood.arrival WHERE source = %s AND path = ANY(%s) "  # noqa: S608
                "ORDER BY begins, subband, path",
                (self._source, list(paths)),
            )
            return [Arrival(**row) for row in cursor.fetchall()]

    def ungrouped(self) -> list[Arrival]:
        """See Observations.ungrouped."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                f"SELECT {_ARRIVAL} FROM lastgood.arrival WHERE source = %s AND group_id IS NULL "  # noqa: S608
                "AND refused IS NULL ORDER BY begins, subband, path",
                (self._source,),
            )
            return [Arrival(**row) for row in cursor.fetchall()]

    def form(self, groups: Sequence[Group], version: str) -> list[Group]:
        """See Observations.form. Raises NoFreeId."""
        formed = []
        for group in groups:
            try:
                with self._registry.transaction() as cursor:
                    formed.append(self._form(cursor, group, version))
            except _Grouped as error:
                log.info("%s", error)
        return formed

    def _form(self, cursor: Cursor, group: Group, version: str) -> Group:
        """Keep one group and bind its members to it. Raises _Grouped."""
        found, is_new = self._insert(cursor, group, version)
        named = msgspec.structs.replace(group, id=found)
        if not is_new:
            return named
        bound = 0
        for member in group.members:
            cursor.execute(
                "UPDATE lastgood.arrival SET group_id = %s WHERE group_id IS NULL AND refused IS NULL "
                "AND (source, path, bytes, modified) = (%s, %s, %s, %s)",
                (named.id, *self._key(member)),
            )
            bound += cursor.rowcount
        if bound < len(group.members):
            raise _Grouped(
                f"Of the {len(group.members)} files of {self._source} from {group.begins.isoformat()} on, "
                f"{len(group.members) - bound} are in another group by now, or refused."
            )
        if group.state != "rejected":
            cursor.execute(
                "INSERT INTO lastgood.tile (source, group_id, stage) VALUES (%s, %s, %s)",
                (self._source, named.id, "grouped"),
            )
        return named

    def _insert(self, cursor: Cursor, group: Group, version: str) -> tuple[str, bool]:
        """Insert the group under an id that no other one has; the id, and whether the group is new.

        Where another group has the id the stamp is a microsecond later. Raises NoFreeId.
        """
        cursor.execute("SELECT clock_timestamp() AS now")
        (row,) = cursor.fetchall()
        for later in range(IDS):
            found = self._identify(group.paths, row["now"].astimezone(UTC) + timedelta(microseconds=later))
            # Waits for another run that inserts the same, so what is looked for next is there.
            cursor.execute(
                "INSERT INTO lastgood.tile_group (source, id, begins, state, reason, members_sha256, version) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (self._source, found, group.begins, group.state, group.reason, _members(group), version),
            )
            if cursor.rowcount:
                return found, True
            cursor.execute(
                "SELECT id FROM lastgood.tile_group WHERE source = %s AND members_sha256 = %s",
                (self._source, _members(group)),
            )
            if same := cursor.fetchone():
                return same["id"], False
        raise NoFreeId(
            f"{IDS} ids for the group of {self._source} that begins at {group.begins.isoformat()} are all taken; the "
            f"last was {found}. Look at lastgood.tile_group: as many groups cannot be there by chance."
        )

    def groups(self) -> list[Group]:
        """See Observations.groups."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                f"SELECT group_id, {_ARRIVAL} FROM lastgood.arrival WHERE source = %s "  # noqa: S608
                "AND group_id IS NOT NULL ORDER BY subband, path",
                (self._source,),
            )
            members: dict[str, list[Arrival]] = defaultdict(list)
            for row in cursor.fetchall():
                members[row.pop("group_id")].append(Arrival(**row))
            cursor.execute(
                "SELECT id, begins, state, reason FROM lastgood.tile_group WHERE source = %s ORDER BY begins, id",
                (self._source,),
            )
            return [Group(**row, members=tuple(members[row["id"]])) for row in cursor.fetchall()]

    def tiles(self) -> list[Tile]:
        """See Observations.tiles."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                f"SELECT {_TILE} FROM lastgood.tile t WHERE source = %s ORDER BY (SELECT begins "  # noqa: S608
                "FROM lastgood.tile_group g WHERE (g.source, g.id) = (t.source, t.group_id)), group_id",
                (self._source,),
            )
            return [Tile(**row) for row in cursor.fetchall()]

    def begin(self, group_id: str, version: str) -> Tile:
        """See Observations.begin. Raises LookupError where no group of this id is a tile."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                "UPDATE lastgood.tile SET attempts = attempts + 1, version = %s, updated_at = now() "  # noqa: S608
                f"WHERE source = %s AND group_id = %s RETURNING {_TILE}",
                (version, self._source, group_id),
            )
            row = cursor.fetchone()
        if row is None:
            raise LookupError(f"{self._source} has no tile of the group {group_id}")
        return Tile(**row)

    def note(self, tile: Tile) -> None:
        """See Observations.note. Raises LookupError where no group of this id is a tile."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                "UPDATE lastgood.tile SET stage = %s, attempts = %s, error = %s, figures = %s, version = %s, "
                "updated_at = now() WHERE source = %s AND group_id = %s",
                (
                    tile.stage,
                    tile.attempts,
                    tile.error,
                    Jsonb(dict(tile.figures)),
                    tile.version,
                    self._source,
                    tile.group_id,
                ),
            )
            if not cursor.rowcount:
                raise LookupError(f"{self._source} has no tile of the group {tile.group_id}")

    def _key(self, arrival: Arrival) -> tuple[str, str, int, datetime]:
        return self._source, arrival.path, arrival.bytes, arrival.modified


def _members(group: Group) -> str:
    """What tells a group by its members: their files as they were."""
    known: list[Mapping[str, Any]] = [
        {"path": member.path, "bytes": member.bytes, "modified": member.modified}
        for member in sorted(group.members, key=lambda member: member.path)
    ]
    return hashlib.sha256(msgspec.json.encode(known)).hexdigest()
