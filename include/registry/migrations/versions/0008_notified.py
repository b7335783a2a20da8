"""Notified: the columns on messages bear the word that the code and the field use."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # How often people were notified of a trouble, and when the last time was.
    op.execute("ALTER TABLE lastgood.alert RENAME COLUMN told TO notified")
    op.execute("ALTER TABLE lastgood.alert RENAME COLUMN last_told TO last_notified")
    # When the others on call were notified of a decision.
    op.execute("ALTER TABLE lastgood.action RENAME COLUMN told TO notified_at")


def downgrade() -> None:
    raise NotImplementedError("The registry is rebuilt from the manifests instead: lastgood rebuild-registry.")
