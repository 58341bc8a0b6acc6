"""Only an inbox row that is due wakes the workers: most orders are started by whoever kept them."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP TRIGGER inbox_wakes ON inbox")
    op.execute(
        "CREATE TRIGGER inbox_wakes AFTER INSERT ON inbox FOR EACH ROW "
        "WHEN (NEW.state = 'new' AND NEW.next_attempt_at <= now()) EXECUTE FUNCTION wake_loop()"
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward; restore a backup to go back")
