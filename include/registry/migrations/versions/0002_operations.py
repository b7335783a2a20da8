"""Operations: episodes of alerts, every attempt to publish, and how a run was triggered."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE lastgood.pipeline_run ADD COLUMN run_type text")
    op.execute("CREATE INDEX ON lastgood.pipeline_run (source, started)")
    # It held marks of single tries, which nobody read.
    op.execute("DROP TABLE lastgood.alert")
    op.execute("""
    CREATE TABLE lastgood.alert (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        fingerprint text NOT NULL,
        kind text NOT NULL,
        source text NOT NULL,
        severity text NOT NULL,
        title text NOT NULL,
        occurrence text NOT NULL,
        run_id text,
        count int NOT NULL DEFAULT 1,
        first_seen timestamptz NOT NULL,
        last_seen timestamptz NOT NULL,
        told int NOT NULL DEFAULT 0,
        last_told timestamptz,
        recovered_at timestamptz,
        message jsonb NOT NULL,
        delivered jsonb NOT NULL DEFAULT '{}'
    )""")
    op.execute("CREATE UNIQUE INDEX ON lastgood.alert (fingerprint) WHERE recovered_at IS NULL")
    op.execute("CREATE INDEX ON lastgood.alert (source, run_id)")
    op.execute("""
    CREATE TABLE lastgood.publish_attempt (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source text NOT NULL,
        version text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        error text
    )""")
    op.execute("CREATE INDEX ON lastgood.publish_attempt (source, at)")


def downgrade() -> None:
    raise NotImplementedError("The registry is rebuilt from the manifests instead: lastgood rebuild-registry.")
