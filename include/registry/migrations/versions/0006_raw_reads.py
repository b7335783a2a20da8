"""Raw of other runs that a run reads: what it takes over of them, or replays."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Versions of the same source; retention keeps their raw until the run has ended.
    op.execute("ALTER TABLE lastgood.pipeline_run ADD COLUMN raw_of text[] NOT NULL DEFAULT '{}'")


def downgrade() -> None:
    raise NotImplementedError("The registry is rebuilt from the manifests instead: lastgood rebuild-registry.")
