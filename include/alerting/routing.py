"""Who is told what: alerts.yml beside this module, read strictly, since a typing mistake must not cost a message."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from include.alerting.alert import KINDS, Alert, Severity

DEFAULT = Path(__file__).with_name("alerts.yml")

Channel = Literal["mail", "webhook", "apprise"]
Source = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,250}$")]
Mailbox = Annotated[str, msgspec.Meta(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$", max_length=254)]
Some = msgspec.Meta(min_length=1)
_EXPONENT = 64
"""Far beyond any pause that is allowed, and within what a float holds."""


class InvalidRouting(ValueError):
    """alerts.yml cannot be used; the message names the place, the value and what to do."""


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are errors."""


class Repeat(_Strict, frozen=True, kw_only=True):
    """When something that lasts is told again: after a pause that grows by a factor up to a most."""

    after_minutes: Annotated[float, msgspec.Meta(ge=1)] = 60
    factor: Annotated[float, msgspec.Meta(ge=1, le=100)] = 2
    at_most_hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 31)] = 24


class Filter(_Strict, frozen=True, kw_only=True):
    """Which alerts are meant; what it does not name may be anything."""

    sources: Annotated[list[Source], Some] | None = None
    kinds: Annotated[list[str], Some] | None = None

    def fits(self, alert: Alert) -> bool:
        """Whether the alert is one of them."""
        return (self.sources is None or alert.source in self.sources) and (
            self.kinds is None or alert.kind in self.kinds
        )


class Route(Filter, frozen=True, kw_only=True):
    """The channels of some alerts, and who gets the mail if not those whom the connection names."""

    severities: Annotated[list[Severity], Some] | None = None
    channels: Annotated[list[Channel], Some]
    to: Annotated[list[Mailbox], Some] | None = None

    def fits(self, alert: Alert) -> bool:
        """Whether the alert takes this route."""
        return super().fits(alert) and (self.severities is None or alert.of.severity in self.severities)


class Silence(Filter, frozen=True, kw_only=True):
    """Alerts that nobody is told of until a time, and why."""

    what: Annotated[str, Some] | None = None
    reason: Annotated[str, msgspec.Meta(min_length=10, max_length=500)]
    until: Annotated[datetime, msgspec.Meta(tz=True)]

    def fits(self, alert: Alert) -> bool:
        """Whether the alert is one of them. What is news, and no trouble that may be known, it has to name."""
        if alert.of.news and self.kinds is None:
            return False
        return super().fits(alert) and self.what in (None, alert.what)


class Routing(_Strict, frozen=True, kw_only=True):
    """All of alerts.yml."""

    runbook: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] = "docs/runbook.md"
    repeat: Repeat = Repeat()
    routes: Annotated[list[Route], Some]
    silences: list[Silence] = []

    def route(self, alert: Alert) -> Route:
        """The first route that the alert fits."""
        return next(route for route in self.routes if route.fits(alert))

    def silence(self, alert: Alert, now: datetime) -> Silence | None:
        """The silence that holds for the alert at this time, if any."""
        return next((s for s in self.silences if now < s.until and s.fits(alert)), None)

    def pause(self, times_told: int) -> timedelta:
        """How long to wait until something that was told so many times is told again."""
        grown = self.repeat.after_minutes * self.repeat.factor ** min(max(times_told - 1, 0), _EXPONENT)
        return timedelta(minutes=min(grown, self.repeat.at_most_hours * 60))


EVERYTHING = Routing(routes=[Route(channels=["mail", "webhook", "apprise"])])
"""What holds where alerts.yml cannot be used: everybody is told everything."""


def load(path: Path = DEFAULT) -> Routing:
    """Read the file. Raises InvalidRouting naming file, field, value and what to do; OSError if it is not there."""
    document: Any = None
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        routing = msgspec.convert(document, type=Routing)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidRouting(f"{path} is no YAML: {error}. Mend it there.") from error
    except msgspec.ValidationError as error:
        raise InvalidRouting(f"{path}: {_explained(str(error), document)}") from error
    for fault in _faults(routing):
        raise InvalidRouting(f"{path}: {fault}")
    return routing


def _faults(routing: Routing) -> Iterable[str]:
    """What the types alone do not tell, one sentence each."""
    filters: list[tuple[str, Filter]] = [
        *((f"routes[{n}]", route) for n, route in enumerate(routing.routes)),
        *((f"silences[{n}]", silence) for n, silence in enumerate(routing.silences)),
    ]
    for place, chosen in filters:
        for kind in set(chosen.kinds or ()) - KINDS.keys():
            near = difflib.get_close_matches(kind, KINDS, n=1)
            yield f"{place}.kinds has {kind!r}, which is no kind of alert; " + (
                f"is {near[0]!r} meant?" if near else f"there are: {', '.join(KINDS)}."
            )
    for n, silence in enumerate(routing.silences):
        if silence.sources is None and silence.kinds is None:
            yield f"silences[{n}] would silence everything; name its sources or its kinds."
        if len(silence.reason.strip()) < 10:  # noqa: PLR2004
            yield f"silences[{n}].reason is {silence.reason!r}; say in a few words why nobody is to be told."
    last = routing.routes[-1]
    if last.sources or last.kinds or last.severities:
        yield (
            f"routes[{len(routing.routes) - 1}], the last one, takes only some alerts; add a last route with "
            "`channels` alone, for those that fit nowhere else."
        )
    for n, route in enumerate(routing.routes):
        if route.to and "mail" not in route.channels:
            yield f"routes[{n}].to names recipients, but its channels have no `mail`; add it or leave out `to`."


_TODO = {
    "required field `reason`": "Say why nobody is to be told.",
    "required field `until`": "Say until when, as in 2026-12-01T08:00:00Z.",
    "datetime": "Write the time with its zone, as in 2026-12-01T08:00:00Z.",
    "timezone": "Write the time with its zone, as in 2026-12-01T08:00:00Z.",
    "RFC3339": "Write the time with its zone, as in 2026-12-01T08:00:00Z.",
    "unknown field": "Look for a typing mistake; the fields are described at the top of each part.",
    "enum value": "Severities are critical, error, warning, info; channels are mail, webhook, apprise.",
    "required field": "Add it.",
}


def _explained(error: str, document: Any) -> str:
    """A validation error with the value it is about and what to do."""
    what, _, path = error.partition(" - at `$")
    value = document
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        value = value[name] if name else value[int(index)]
    place = path.strip("`.") or "the file"
    todo = next(
        (todo for word, todo in _TODO.items() if word in what), "Write it as the file's comments show."
    )
    return f"{place} is {str(value)[:200]!r}: {what}. {todo}"
