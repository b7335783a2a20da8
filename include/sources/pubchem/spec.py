"""What the DAG of PubChem needs to know at parse time."""

from datetime import timedelta

from include.sources.pubchem import manners
from include.sources.source import Spec
from include.upstream.limits import Limits

SPEC = Spec(
    name="pubchem",
    title="PubChem clinical trials",
    owner="clinical-data",
    schedule="0 4 * * *",
    # Names of interventions are looked up; without a version of ctgov only that part is left out.
    inputs=("ctgov",),
    # The published quota (contract section B). Four threads, since an answer takes up to a second.
    limits=Limits(per_second=5.0, per_minute=400, concurrency=4, attempts=8, total_seconds=120.0),
    classifier=manners.classify,
    courtesy=manners.pause,
    done_within=timedelta(hours=6),
    fresh_within=timedelta(hours=36),
    tags=("clinical", "api"),
)
