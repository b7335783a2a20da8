"""A long past in the registry: as many published versions of a source as one likes, with their runs and figures.

They are rows only; what is built upon them needs a version of its own first.
"""

from __future__ import annotations

from include.registry.registry import Registry
from include.registry.versions import RECORD

_VERSIONS = """
    WITH many AS (
        INSERT INTO lastgood.dataset_version (source, version, as_of, state, staged_at, published_at, manifest_sha256)
        SELECT %(source)s, to_char(at, 'YYYYMMDD"T"HH24MISS"Z"') || '-00000000', at, 'superseded', at, at, 'none'
        FROM generate_series(1, %(versions)s) AS n,
        LATERAL (SELECT '2020-01-01'::timestamptz + n * interval '1 minute' AS at)
        RETURNING source, version, as_of, staged_at),
    figures AS (
        INSERT INTO lastgood.change_summary SELECT source, version, 'things', 10, 10, 0, 0, 0 FROM many),
    attempts AS (
        INSERT INTO lastgood.publish_attempt (source, version, at) SELECT source, version, staged_at FROM many)
    INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_end, started, ended, status, steps,
        env, code_version, run_type, tidied)
    SELECT source, version, source, version, as_of, staged_at, staged_at, 'ok',
        jsonb_build_object('extract', '{"asked": 5, "failed": 0}'::jsonb, 'build', '{}'::jsonb,
            'promote', jsonb_build_object('latest', version)), 'sandbox', '0', 'scheduled', now() FROM many
"""


def fill(registry: Registry, source: str, versions: int) -> None:
    """Enter so many versions, one a minute from 2020 on, all recorded in the store and tidied after."""
    with registry.transaction() as cursor:
        cursor.execute(_VERSIONS, {"source": source, "versions": versions})
        cursor.execute(f"UPDATE lastgood.dataset_version SET recorded = {RECORD}")  # noqa: S608 - a constant
    with registry.connect() as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
