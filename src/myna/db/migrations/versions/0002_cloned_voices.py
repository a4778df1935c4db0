"""Cloned voices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    _create_blocked_voices()
    _create_voice_consents()
    _create_voice_previews()
    _create_voices()


def downgrade() -> None:
    for table in (
        "voices",
        "voice_previews",
        "voice_consents",
        "blocked_voices",
    ):
        op.drop_table(table)


def _create_blocked_voices() -> None:
    op.create_table(
        "blocked_voices",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("embedding", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocked_voices")),
    )


def _create_voice_consents() -> None:
    op.create_table(
        "voice_consents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("object_key", sa.String(length=500), nullable=False),
        sa.Column("recording_hash", sa.String(length=64), nullable=False),
        sa.Column("affirmed_by", sa.String(length=64), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_voice_consents_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_consents")),
    )
    op.create_index(
        op.f("ix_voice_consents_account_id_created_at_id"),
        "voice_consents",
        ["account_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_voice_consents_deleted_at"), "voice_consents", ["deleted_at"], unique=False)


def _create_voice_previews() -> None:
    op.create_table(
        "voice_previews",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("sound_hash", sa.String(length=64), nullable=False),
        sa.Column("reference_hash", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("similarity", sa.Float(precision=53), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_voice_previews_account_id")),
        sa.PrimaryKeyConstraint("account_id", "sound_hash", name=op.f("pk_voice_previews")),
    )
    op.create_index(op.f("ix_voice_previews_expires_at"), "voice_previews", ["expires_at"], unique=False)


def _create_voices() -> None:
    op.create_table(
        "voices",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("api", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("gender", sa.String(length=64), nullable=True),
        sa.Column("age", sa.String(length=64), nullable=True),
        sa.Column("languages", JSON, nullable=False),
        sa.Column("dialects", JSON, nullable=False),
        sa.Column("avatar_url", sa.Text(), nullable=True),
        sa.Column("stability", sa.Float(precision=53), nullable=False),
        sa.Column("similarity", sa.Float(precision=53), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("voice_format", sa.String(length=64), nullable=False),
        sa.Column("quality", sa.String(length=64), nullable=False),
        sa.Column("reference_hash", sa.String(length=64), nullable=False),
        sa.Column("transcript", sa.Text(), nullable=True),
        sa.Column("report", JSON, nullable=False),
        sa.Column("preview_verified", sa.Boolean(), nullable=False),
        sa.Column("consent_id", sa.String(length=64), nullable=True),
        sa.Column("affirmed_by", sa.String(length=64), nullable=True),
        sa.Column("affirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_voices_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voices")),
        sa.UniqueConstraint("record_id", name=op.f("uq_voices_record_id")),
    )
    op.create_index(
        op.f("ix_voices_account_id_created_at_id"), "voices", ["account_id", "created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_voices_deleted_at"), "voices", ["deleted_at"], unique=False)
