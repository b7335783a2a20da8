"""What the DAG of SofaScore needs to know at parse time."""

from datetime import timedelta

from include.sources.source import Spec
from include.upstream.limits import Limits

SPEC = Spec(
    name="sofascore",
    title="SofaScore football matches",
    owner="football-data",
    schedule="0 5 * * *",
    # No terms of use are published: as gently as a season of 380 matches allows within the hour.
    limits=Limits(per_second=2.0, concurrency=2, total_seconds=120.0),
    units="competition-season",
    # One season of 380 matches is 3,400 requests; a first run collects some 200 of them, one after the other.
    extract_timeout=timedelta(hours=6),
    run_timeout=timedelta(hours=48),
    without_host=(
        "Live collection of SofaScore is off, since it publishes no terms of use and has refused permission: the "
        "connection sofascore_api has no default host, only an operator who holds the rights sets one, and "
        "make run SOURCES=sofascore shows the pipeline at work on the sample upstream."
    ),
    done_within=timedelta(hours=8),
    fresh_within=timedelta(hours=36),
    tags=("football", "api"),
)
