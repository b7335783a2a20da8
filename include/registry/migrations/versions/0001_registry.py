"""The registry: runs, versions, latest, verdicts, cursors, breakers, alerts, actions."""

from alembic import op

revision = "0001"
down_revision = None

STATES = "'staged', 'publishing', 'published', 'rejected', 'failed', 'superseded', 'rolled_back'"


def upgrade() -> None:
    op.execute("""
    CREATE TABLE lastgood.pipeline_run (
        source text NOT NULL,
        version text NOT NULL,
        dag_id text NOT NULL,
        run_id text NOT NULL,
        interval_start timestamptz,
        interval_end timestamptz NOT NULL,
        started timestamptz NOT NULL DEFAULT now(),
        ended timestamptz,
        steps jsonb NOT NULL DEFAULT '{}',
        status text CHECK (status IN ('ok', 'fail', 'partial', 'skipped')),
        failed_step text,
        env text NOT NULL,
        code_version text NOT NULL,
        PRIMARY KEY (source, version)
    )""")
    op.execute(f"""
    CREATE TABLE lastgood.dataset_version (
        source text NOT NULL,
        version text NOT NULL,
        as_of timestamptz NOT NULL,
        state text NOT NULL CHECK (state IN ({STATES})),
        previous text,
        publish_attempts int NOT NULL DEFAULT 0,
        publish_error text,
        lease_owner text,
        lease_until timestamptz,
        staged_at timestamptz NOT NULL DEFAULT now(),
        published_at timestamptz,
        ended_at timestamptz,
        accepted_by text,
        accepted_reason text,
        pinned_reason text,
        manifest_sha256 text NOT NULL,
        PRIMARY KEY (source, version)
    )""")
    op.execute("CREATE INDEX ON lastgood.dataset_version (source, published_at)")
    op.execute("""
    CREATE TABLE lastgood.latest (
        source text PRIMARY KEY,
        version text,
        previous text,
        since timestamptz,
        FOREIGN KEY (source, version) REFERENCES lastgood.dataset_version (source, version)
    )""")
    op.execute("""
    CREATE TABLE lastgood.check_result (
        source text NOT NULL,
        version text NOT NULL,
        table_name text NOT NULL,
        check_id text NOT NULL,
        name text NOT NULL,
        rule text NOT NULL CHECK (rule IN ('contract', 'change')),
        outcome text NOT NULL,
        value double precision,
        threshold text,
        samples jsonb NOT NULL DEFAULT '[]',
        checked_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (source, version, table_name, check_id)
    )""")
    op.execute("""
    CREATE TABLE lastgood.change_summary (
        source text NOT NULL,
        version text NOT NULL,
        table_name text NOT NULL,
        rows bigint NOT NULL,
        previous_rows bigint,
        new bigint NOT NULL,
        changed bigint NOT NULL,
        deleted bigint NOT NULL,
        PRIMARY KEY (source, version, table_name)
    )""")
    op.execute("""
    CREATE TABLE lastgood.quarantine_summary (
        source text NOT NULL,
        version text NOT NULL,
        reason text NOT NULL,
        rows bigint NOT NULL,
        PRIMARY KEY (source, version, reason)
    )""")
    op.execute("""
    CREATE TABLE lastgood.cursor (
        source text NOT NULL,
        name text NOT NULL,
        value jsonb NOT NULL,
        version text NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (source, name)
    )""")
    op.execute("""
    CREATE TABLE lastgood.serving (
        source text NOT NULL,
        table_name text NOT NULL,
        version text NOT NULL,
        PRIMARY KEY (source, table_name)
    )""")
    op.execute("""
    CREATE TABLE lastgood.breaker (
        name text PRIMARY KEY,
        state text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
        failures int NOT NULL DEFAULT 0,
        opened_at timestamptz,
        open_until timestamptz,
        last_error text,
        updated_at timestamptz NOT NULL DEFAULT now()
    )""")
    op.execute("""
    CREATE TABLE lastgood.alert (
        fingerprint text PRIMARY KEY,
        source text,
        severity text NOT NULL,
        title text NOT NULL,
        count int NOT NULL DEFAULT 1,
        first_seen timestamptz NOT NULL DEFAULT now(),
        last_seen timestamptz NOT NULL DEFAULT now(),
        delivered jsonb NOT NULL DEFAULT '{}'
    )""")
    op.execute("""
    CREATE TABLE lastgood.action (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        who text NOT NULL,
        what text NOT NULL,
        source text NOT NULL,
        version text,
        reason text NOT NULL,
        details jsonb NOT NULL DEFAULT '{}'
    )""")


def downgrade() -> None:
    raise NotImplementedError("The registry is rebuilt from the manifests instead: lastgood rebuild-registry.")
