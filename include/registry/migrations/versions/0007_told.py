"""Told: what became of each decision's message to the others on call."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # Null while the others on call are still to be told; of what they need not hear, when it was done. What there is
    # already counts as told.
    op.execute("ALTER TABLE lastgood.action ADD COLUMN told timestamptz DEFAULT now()")
    # As that of lastgood.alert: null for a channel that took the message, else why it did not.
    op.execute("ALTER TABLE lastgood.action ADD COLUMN delivered jsonb NOT NULL DEFAULT '{}'")
    # Few beside all there ever were.
    op.execute("CREATE INDEX ON lastgood.action (id) WHERE told IS NULL")


def downgrade() -> None:
    raise NotImplementedError("The registry is rebuilt from the manifests instead: lastgood rebuild-registry.")
