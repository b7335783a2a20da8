"""Hold: candidates that wait for an operator, holds on sources, and the time that what a run brings is as of."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATES = (
    "'staged', 'publishing', 'published', 'held', 'rejected', 'failed', 'superseded', 'rolled_back'"
)


def upgrade() -> None:
    op.execute("ALTER TABLE lastgood.dataset_version DROP CONSTRAINT dataset_version_state_check")
    op.execute(
        f"ALTER TABLE lastgood.dataset_version ADD CONSTRAINT dataset_version_state_check CHECK (state IN ({STATES}))"
    )
    op.execute("ALTER TABLE lastgood.pipeline_run DROP CONSTRAINT pipeline_run_status_check")
    op.execute(
        "ALTER TABLE lastgood.pipeline_run ADD CONSTRAINT pipeline_run_status_check "
        "CHECK (status IN ('ok', 'fail', 'partial', 'skipped', 'held'))"
    )
    # Null where an earlier release opened the run: the end of its interval then.
    op.execute("ALTER TABLE lastgood.pipeline_run ADD COLUMN data_time timestamptz")
    # Runs under way, of which there are few beside all there ever were.
    op.execute("CREATE INDEX ON lastgood.pipeline_run (source, started) WHERE ended IS NULL")
    # A source whose candidates wait for an operator; `version` is the one that was rolled back from, if it was that,
    # and `data_version` what the upstream called its data then.
    op.execute("""
    CREATE TABLE lastgood.hold (
        source text PRIMARY KEY,
        who text NOT NULL,
        reason text NOT NULL,
        since timestamptz NOT NULL DEFAULT now(),
        until timestamptz,
        version text,
        data_version text,
        lets_new boolean NOT NULL DEFAULT false
    )""")


def downgrade() -> None:
    raise NotImplementedError("The registry is rebuilt from the manifests instead: lastgood rebuild-registry.")
