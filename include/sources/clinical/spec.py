"""What the DAG of the compounds in clinical studies needs to know at parse time."""

from datetime import timedelta

from include.sources.source import Spec

SPEC = Spec(
    name="clinical",
    title="Compounds in clinical studies",
    owner="clinical-data",
    schedule=None,
    inputs=("ctgov", "pubchem"),
    done_within=timedelta(hours=2),
    fresh_within=timedelta(hours=6),
    tags=("clinical", "derived"),
)
