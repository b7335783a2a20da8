"""What of an older version is kept where nothing new came."""

import duckdb
import pyarrow as pa

from include.sources.pubchem import build
from include.sources.pubchem.tables import TRIALS


def test_dates_of_versions_that_told_no_precision_are_days() -> None:
    (merge,) = [statement for statement in build.MERGE if statement.startswith("CREATE TABLE new_trials AS")]
    trials = [
        {
            "collection": "clinicaltrials",
            "trial_id": trial_id,
            "updated": updated,
            "updated_precision": precision,
        }
        for trial_id, updated, precision in (("A", 0, None), ("B", None, None), ("C", 31, "month"))
    ]
    con = duckdb.connect()
    con.register(
        "previous_trials",
        pa.Table.from_pylist(trials, pa.schema([f.with_nullable(True) for f in TRIALS.schema])),
    )
    con.register("seen", pa.Table.from_pylist([], build._OBSERVED))
    con.execute(
        "CREATE TABLE new_trial_compounds AS SELECT collection, trial_id, 6 AS cid FROM previous_trials"
    )
    con.execute(merge)
    found = con.execute("SELECT trial_id, updated_precision FROM new_trials ORDER BY trial_id").fetchall()
    assert found == [("A", "day"), ("B", None), ("C", "month")]
