"""Fields that the forms of several DAGs share."""

from __future__ import annotations

from airflow.sdk import Param

from include.sources import source as sources

REASON = Param(
    type="string",
    minLength=3,
    maxLength=1000,
    title="Reason",
    description="Why, in a sentence, for whoever reads it later. It is kept with your name.",
)


def source(*, empty: str | None = None) -> Param:
    """Which source; where it may be left empty, `empty` says what that means.

    The names are proposals rather than the only choice, since a source that is no longer in the project may still
    have versions.
    """
    proposals = {"title": "Source", "examples": sources.names()}
    named = f"One of {', '.join(sources.names())}"
    if empty is None:
        return Param(type="string", minLength=1, description=f"{named}.", **proposals)
    return Param(
        None, type=["null", "string"], minLength=1, description=f"{named}; empty for {empty}.", **proposals
    )


PREVIOUS, NONE, ALL, INPUTS = "previous", "none", "all", "inputs"
"""What is written where no version is named: a field that somebody emptied by mistake is refused, and means nothing."""


def version(description: str, *, word: str | None = None, title: str = "Version") -> Param:
    """Which version; `word` stands there, and is to be written, where none is named. An empty field is refused."""
    if word is None:
        return Param(type="string", minLength=1, title=title, description=description)
    return Param(word, type="string", minLength=1, title=title, description=description, examples=[word])


def named(value: str, word: str) -> str | None:
    """The version in a field, or None for its word."""
    return None if value == word else value


UNTIL = Param(
    None,
    type=["null", "string"],
    format="date-time",
    title="Hold until",
    description="The hold ends by itself then, in the time zone beside the clock in Airflow's menu. If empty, it lasts "
    "until somebody releases it.",
)
"""When a hold ends. Airflow's form takes it in the zone that its reader has chosen, and sends UTC."""
