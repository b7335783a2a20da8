"""What the DAG of ClinicalTrials.gov needs to know at parse time."""

from datetime import timedelta

from include.sources.source import Spec
from include.upstream.limits import Limits

SPEC = Spec(
    name="ctgov",
    title="ClinicalTrials.gov",
    owner="clinical-data",
    # New data appears Monday to Friday at about 14:00 UTC; a probe on the other days costs two requests.
    schedule="30 15 * * *",
    # No quota is published; robots.txt asks for one request a second.
    limits=Limits(per_second=1.0, burst=1),
    done_within=timedelta(hours=4),
    fresh_within=timedelta(hours=36),
    tags=("clinical", "api"),
)
