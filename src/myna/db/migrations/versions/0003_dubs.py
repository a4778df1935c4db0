"""Dubs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    _create_dubs()
    _create_dub_targets()


def downgrade() -> None:
    for table in ("dub_targets", "dubs"):
        op.drop_table(table)


def _create_dubs() -> None:
    op.create_table(
        "dubs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=False),
        sa.Column("api", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("request", JSON, nullable=False),
        sa.Column("source", JSON, nullable=False),
        sa.Column("source_language", sa.String(length=35), nullable=True),
        sa.Column("speakers", JSON, nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("stages", JSON, nullable=False),
        sa.Column("price_per_second", sa.BigInteger(), nullable=False),
        sa.Column("files_kept", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_dubs_account_id")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_dubs_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dubs")),
    )
    op.create_index(op.f("ix_dubs_account_id_created_at_id"), "dubs", ["account_id", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_dubs_deleted_at"), "dubs", ["deleted_at"], unique=False)
    op.create_index(op.f("ix_dubs_files_kept_updated_at"), "dubs", ["files_kept", "updated_at"], unique=False)
    op.create_index(op.f("ix_dubs_job_id"), "dubs", ["job_id"], unique=False)


def _create_dub_targets() -> None:
    op.create_table(
        "dub_targets",
        sa.Column("dub_id", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("files", JSON, nullable=False),
        sa.Column("draft", JSON, nullable=False),
        sa.Column("outputs", JSON, nullable=False),
        sa.Column("levels", JSON, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dub_id"], ["dubs.id"], name=op.f("fk_dub_targets_dub_id")),
        sa.PrimaryKeyConstraint("dub_id", "language", name=op.f("pk_dub_targets")),
    )
