"""Promises: what a run stands on, what was accepted, the generation of latest, and the names of removed versions."""

from alembic import op

revision = "0003"
down_revision = "0002"


# As in registry.RECORD, without which the index would only not be used.
_RECORD = (
    "md5(quote_nullable(state) || quote_nullable(extract(epoch FROM published_at AT TIME ZONE 'UTC')::text) "
    "|| publish_attempts::text || quote_nullable(publish_error) || quote_nullable(accepted_by) "
    "|| quote_nullable(accepted_reason) || quote_nullable(accepted_verdict_sha256) || quote_nullable(pinned_reason))"
)


def upgrade() -> None:
    # Each move of latest counts one up; the pointer in the store carries the number, so an older one cannot replace it.
    op.execute("ALTER TABLE lastgood.latest ADD COLUMN generation bigint NOT NULL DEFAULT 0")
    op.execute("UPDATE lastgood.latest SET generation = 1 WHERE version IS NOT NULL")
    # Which gate.json was read, and for which one an operator's acceptance was given.
    op.execute("ALTER TABLE lastgood.dataset_version ADD COLUMN verdict_sha256 text")
    op.execute("ALTER TABLE lastgood.dataset_version ADD COLUMN accepted_verdict_sha256 text")
    op.execute("CREATE INDEX ON lastgood.dataset_version (source, as_of DESC, staged_at DESC)")
    op.execute("CREATE INDEX ON lastgood.dataset_version (source) WHERE published_at IS NULL")
    op.execute("CREATE INDEX ON lastgood.dataset_version (source, published_at) WHERE published_at IS NOT NULL")
    op.execute("CREATE INDEX ON lastgood.dataset_version (source, staged_at)")
    # Hash of the state record that the store has of a version; those that lack their present one are found at once.
    op.execute("ALTER TABLE lastgood.dataset_version ADD COLUMN recorded text")
    op.execute(f"CREATE INDEX ON lastgood.dataset_version (source) WHERE recorded IS DISTINCT FROM {_RECORD}")
    # What the first step of a run found: latest, its watermarks, and the latest versions of other sources.
    op.execute("ALTER TABLE lastgood.pipeline_run ADD COLUMN base text")
    op.execute("ALTER TABLE lastgood.pipeline_run ADD COLUMN watermarks jsonb NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE lastgood.pipeline_run ADD COLUMN inputs jsonb NOT NULL DEFAULT '{}'")
    # The last try of any of its steps: a larger number is a later one. Null where no first step has opened the run.
    op.execute("ALTER TABLE lastgood.pipeline_run ADD COLUMN attempt bigint")
    op.execute("CREATE INDEX ON lastgood.pipeline_run (source, run_id)")
    # When recovery looked for what its dead tries left: once for each end of a run.
    op.execute("ALTER TABLE lastgood.pipeline_run ADD COLUMN tidied timestamptz")
    op.execute(
        "CREATE INDEX ON lastgood.pipeline_run (source, version) "
        "WHERE (tidied IS NULL OR tidied < ended) AND status IS DISTINCT FROM 'skipped'"
    )
    # Versions that retention removed: their names are never used again, their figures stay in `history`.
    op.execute("""
    CREATE TABLE lastgood.removed_version (
        source text NOT NULL,
        version text NOT NULL,
        as_of timestamptz NOT NULL,
        state text NOT NULL,
        published_at timestamptz,
        removed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (source, version)
    )""")
    op.execute("CREATE INDEX ON lastgood.removed_version (source, published_at)")


def downgrade() -> None:
    raise NotImplementedError("The registry is rebuilt from the manifests instead: lastgood rebuild-registry.")
