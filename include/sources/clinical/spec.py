"""What the DAG of the compounds in clinical studies needs to know at parse time."""

from include.sources.source import Spec

SPEC = Spec(
    name="clinical",
    title="Compounds in clinical studies",
    owner="clinical-data",
    schedule=None,
    inputs=("ctgov", "pubchem"),
    tags=("clinical", "derived"),
)
