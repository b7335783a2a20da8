"""From the files of the inbox to groups: what is there, what of it is whole, and which of it is a tile.

May be killed and called again: what was noted stays noted, and the same files never make two groups.
docs/upstreams/dsa110.md.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from include.sources.dsa110 import grouping, hdf5
from include.sources.dsa110.grouping import WAIT
from include.storage.inbox import Inbox, InboxFile
from include.upstream.observations import Arrival, Group, Observations

log = logging.getLogger(__name__)


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the inbox that is of no use, and why."""

    file: InboxFile
    reason: str


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the inbox came to."""

    groups: tuple[Group, ...]
    """Those that were formed."""
    waiting: int
    """Files of groups that may still get others, and files that may still be written."""
    unreadable: int
    """Files that the machine could not read; the log names them."""
    refused: tuple[Refused, ...]
    """What this look refused; what an earlier one did is not in it, except files of another name."""

    @property
    def facts(self) -> Mapping[str, int]:
        """What the run log keeps of it (registry/steps.py): the watch looks at the share of groups that failed."""
        states = Counter(group.state for group in self.groups)
        return {
            "groups": len(self.groups),
            "complete": states["complete"],
            "padded": states["padded"],
            "groups_failed": states["rejected"],
            "waiting": self.waiting,
            "unreadable": self.unreadable,
            "refused": len(self.refused),
        }

    @property
    def sentence(self) -> str:
        """The same for people."""
        facts = self.facts
        return (
            f"{facts['groups']} groups formed ({facts['complete']} complete, {facts['padded']} padded, "
            f"{facts['groups_failed']} rejected), {facts['waiting']} files wait, {facts['refused']} refused"
            + (f", {self.unreadable} cannot be read" if self.unreadable else "")
        )


def take(
    inbox: Inbox, observations: Observations, now: datetime, version: str, wait: timedelta = WAIT
) -> Taken:
    """Note the files of the inbox that are whole, and form the groups that they make; `version` is the run's.

    A file that cannot be read is left to the next look: nothing is refused for that. Raises OSError where the inbox
    cannot be listed.
    """
    files = inbox.files()
    noted = observations.known([file.path for file in files])
    known = {(each.path, each.bytes, each.modified) for each in noted}
    refused: list[Refused] = []
    growing = unreadable = 0
    arrived: list[Arrival] = []
    for file in files:
        if (file.path, file.bytes, file.modified) in known:
            continue
        if not file.is_quiet(now):
            growing += 1
            continue
        try:
            name = grouping.named(file.path)
        except ValueError as error:
            refused.append(Refused(file=file, reason=str(error)))
            continue
        arrival = Arrival(
            path=file.path,
            bytes=file.bytes,
            modified=file.modified,
            begins=name.begins,
            subband=name.subband,
            seen=now,
        )
        try:
            with inbox.open(file) as handle:
                reason = hdf5.why_unusable(handle, file.bytes)
        except FileNotFoundError:
            log.info("%s was taken away while the inbox was looked at", file.path)
            continue
        except OSError as error:
            # It says nothing of the data, and must not stop the other files; the next look tries again.
            log.warning("%s cannot be read and is left to the next look: %s", file.path, error)
            unreadable += 1
            continue
        if reason is None:
            arrived.append(arrival)
        else:
            observations.refuse(arrival, reason)
            refused.append(Refused(file=file, reason=reason))
    observations.arrived(arrived)
    found = grouping.group(observations.ungrouped(), now, wait)
    return Taken(
        groups=tuple(observations.form(found.groups, version)),
        waiting=growing + len(found.waiting),
        unreadable=unreadable,
        refused=tuple(refused),
    )
