"""Files of a telescope that arrived, the groups that they make, and how far each tile got."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE lastgood.tile_group (
            source text NOT NULL,
            id text NOT NULL,
            begins timestamptz NOT NULL,
            state text NOT NULL CHECK (state IN ('complete', 'padded', 'rejected')),
            reason text NOT NULL,
            members_sha256 text NOT NULL,
            version text NOT NULL,
            formed_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (source, id),
            UNIQUE (source, members_sha256)
        )
    """)
    op.execute("""
        CREATE TABLE lastgood.arrival (
            source text NOT NULL,
            path text NOT NULL,
            bytes bigint NOT NULL,
            modified timestamptz NOT NULL,
            begins timestamptz NOT NULL,
            subband integer NOT NULL,
            seen timestamptz NOT NULL,
            refused text,
            group_id text,
            PRIMARY KEY (source, path, bytes, modified),
            FOREIGN KEY (source, group_id) REFERENCES lastgood.tile_group (source, id),
            CHECK (refused IS NULL OR group_id IS NULL)
        )
    """)
    op.execute("CREATE INDEX ON lastgood.arrival (source, group_id)")
    op.execute("""
        CREATE TABLE lastgood.tile (
            source text NOT NULL,
            group_id text NOT NULL,
            stage text NOT NULL CHECK (stage IN (
                'grouped', 'converted', 'flagged', 'calibrated', 'imaged', 'done', 'refused', 'quarantined'
            )),
            attempts integer NOT NULL DEFAULT 0,
            error text,
            figures jsonb NOT NULL DEFAULT '{}',
            version text,
            updated_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (source, group_id),
            FOREIGN KEY (source, group_id) REFERENCES lastgood.tile_group (source, id)
        )
    """)


def downgrade() -> None:
    raise NotImplementedError("The registry is rebuilt from the manifests instead: lastgood rebuild-registry.")
