"""All tables. Only repositories and migrations use them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON as _JSON
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

JSON = _JSON().with_variant(JSONB(), "postgresql")


class Moment(TypeDecorator[datetime]):
    """A moment in UTC at microsecond precision. SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _created() -> Column[datetime]:
    return Column("created_at", Moment, nullable=False)


accounts = Table(
    "accounts",
    metadata,
    _id(),
    Column("name", String(200), nullable=False, unique=True),
    Column("role", String(16), nullable=False, default="user"),
    Column("banned", Boolean, nullable=False, default=False),
    _created(),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("hint", String(32), nullable=False),
    Column("uses", BigInteger, nullable=False, default=0),
    Column("spent", BigInteger, nullable=False, default=0),
    Column("last_used_at", Moment),
    Column("revoked_at", Moment),
    _created(),
)

credits = Table(
    "credits",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("type", String(64), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("remaining", BigInteger, CheckConstraint("remaining >= 0", name="remaining_not_negative"), nullable=False),
    Column("key", String(200), unique=True),
    Column("expires_at", Moment, nullable=False),
    _created(),
    Index(None, "account_id", "expires_at"),
)

holds = Table(
    "holds",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("key", String(200), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False, default=0),
    Column("status", String(16), nullable=False, default="held"),
    Column("expires_at", Moment, nullable=False),
    Column("finished_at", Moment),
    _created(),
    UniqueConstraint("account_id", "key"),
    Index(None, "account_id", "finished_at"),
    Index(None, "status", "expires_at"),
)

ledger = Table(
    "ledger",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("credit_id", ForeignKey("credits.id"), nullable=False),
    Column("hold_id", ForeignKey("holds.id"), index=True),
    Column("kind", String(16), nullable=False),
    Column("amount", BigInteger, nullable=False),
    _created(),
    Index(None, "account_id", "created_at", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("key_id", ForeignKey("api_keys.id")),
    Column("kind", String(32), nullable=False),
    Column("api", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("stage", String(64), nullable=False, default=""),
    Column("progress", Float, nullable=False, default=0.0),
    Column("request", JSON, nullable=False),
    Column("details", JSON, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("charged", BigInteger, nullable=False),
    Column("hold_id", ForeignKey("holds.id"), nullable=False),
    Column("name", String(500), nullable=False, default=""),
    Column("base_url", String(500), nullable=False, default=""),
    Column("node_id", String(64)),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("deleted_at", Moment),
    Column("updated_at", Moment, nullable=False),
    _created(),
    UniqueConstraint("account_id", "created_at"),
    Index(None, "account_id", "status", "created_at"),
    Index(None, "status", "updated_at"),
)

outputs = Table(
    "outputs",
    metadata,
    _id(),
    Column("job_id", ForeignKey("jobs.id"), nullable=False, index=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("api", String(32), nullable=False),
    Column("object_key", String(500), nullable=False),  # empty once a deleted output's file is gone
    Column("file_name", String(255), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("duration", Float(53), nullable=False),
    Column("sample_rate", Integer, nullable=False),
    Column("waveform", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("prompt_id", String(36), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("is_favorited", Boolean, nullable=False, default=False),
    Column("was_auto_submitted", Boolean, nullable=False, default=False),
    Column("deleted_at", Moment),
    Column("updated_at", Moment, nullable=False),
    _created(),
    UniqueConstraint("account_id", "created_at"),
    Index(None, "account_id", "prompt_id", "created_at"),
    Index(
        "ix_outputs_files_to_remove",
        "deleted_at",
        postgresql_where=text("deleted_at IS NOT NULL AND object_key <> ''"),
        sqlite_where=text("deleted_at IS NOT NULL AND object_key <> ''"),
    ),
)

output_totals = Table(
    "output_totals",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("api", String(32), primary_key=True),
    Column("live", BigInteger, nullable=False),
)
"""How many outputs an account has, so that an unfiltered count does not read them all."""

voices = Table(
    "voices",
    metadata,
    _id(),
    Column("record_id", String(36), nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("api", String(32), nullable=False),
    Column("name", String(200), nullable=False),
    Column("description", Text),
    Column("gender", String(64)),
    Column("age", String(64)),
    Column("languages", JSON, nullable=False),
    Column("dialects", JSON, nullable=False),
    Column("avatar_url", Text),
    Column("stability", Float(53), nullable=False),
    Column("similarity", Float(53), nullable=False),
    Column("engine", String(64), nullable=False),
    Column("voice_format", String(64), nullable=False),
    Column("quality", String(64), nullable=False),
    Column("reference_hash", String(64), nullable=False),
    Column("transcript", Text),
    Column("report", JSON, nullable=False),
    Column("preview_verified", Boolean, nullable=False, default=False),
    Column("consent_id", String(64)),
    Column("affirmed_by", String(64)),
    Column("affirmed_at", Moment, nullable=False),
    Column("ready_at", Moment),
    Column("deleted_at", Moment, index=True),
    Column("updated_at", Moment, nullable=False),
    _created(),
    Index(None, "account_id", "created_at", "id"),
)
"""Cloned voices. `ready_at` is empty until all files are stored; a deleted row goes when its files are gone."""

voice_previews = Table(
    "voice_previews",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("sound_hash", String(64), primary_key=True),
    Column("reference_hash", String(64), nullable=False),
    Column("engine", String(64), nullable=False),
    Column("similarity", Float(53), nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    _created(),
)
"""Which previews were made here, so that a voice is kept as it was heard. `sound_hash` is of the 16-bit samples."""

voice_consents = Table(
    "voice_consents",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("language", String(35), nullable=False),
    Column("object_key", String(500), nullable=False),
    Column("recording_hash", String(64), nullable=False),
    Column("affirmed_by", String(64)),
    Column("deleted_at", Moment, index=True),
    _created(),
    Index(None, "account_id", "created_at", "id"),
)

blocked_voices = Table(
    "blocked_voices",
    metadata,
    _id(),
    Column("name", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("embedding", JSON, nullable=False),
    _created(),
)
"""Speakers that nobody may clone here. `embedding` is a speaker embedding of 256 numbers."""

dubs = Table(
    "dubs",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("job_id", ForeignKey("jobs.id"), nullable=False, index=True),
    Column("api", String(32), nullable=False),
    Column("name", String(500), nullable=False, default=""),
    Column("request", JSON, nullable=False),
    Column("source", JSON, nullable=False),
    Column("source_language", String(35)),
    Column("speakers", JSON, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("stages", JSON, nullable=False),
    Column("price_per_second", BigInteger, nullable=False),
    Column("files_kept", Boolean, nullable=False, default=True),
    Column("deleted_at", Moment, index=True),
    Column("updated_at", Moment, nullable=False),
    _created(),
    Index(None, "account_id", "created_at", "id"),
    Index(None, "files_kept", "updated_at"),
)
"""Sources and what is known of them. `job_id` is the last job; a deleted row goes when its files are gone."""

dub_targets = Table(
    "dub_targets",
    metadata,
    Column("dub_id", ForeignKey("dubs.id"), primary_key=True),
    Column("language", String(35), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("files", JSON, nullable=False),
    Column("draft", JSON, nullable=False),
    Column("outputs", JSON, nullable=False),
    Column("levels", JSON, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
"""The languages of dubs. `draft` is what a running job has made of the lines and files; it replaces them at its end."""

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("url", String(2000), nullable=False),
    Column("style", String(32), nullable=False),
    Column("events", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("secret_version", Integer, nullable=False, default=1),
    Column("failing_since", Moment),
    Column("deleted_at", Moment),
    _created(),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    _id(),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("type", String(64), nullable=False),
    Column("job_id", ForeignKey("jobs.id"), nullable=False),
    Column("data", JSON, nullable=False),
    _created(),
    UniqueConstraint("job_id", "type"),
    Index(None, "account_id", "created_at", "id"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    _id(),
    Column("event_id", ForeignKey("webhook_events.id"), nullable=False),
    Column("endpoint_id", ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("next_attempt_at", Moment),
    Column("delivered_at", Moment),
    _created(),
    UniqueConstraint("event_id", "endpoint_id"),
    Index(None, "endpoint_id", "created_at", "id"),
    Index(None, "status", "next_attempt_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("job_id", String(64), nullable=False),
    Column("status", Integer),
    Column("headers", JSON),
    Column("object_key", String(500)),
    Column("node_id", String(64), nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    _created(),
)
"""`scope` is a hash of account, method, path and key; `status` is empty while the request runs."""

nodes = Table(
    "nodes",
    metadata,
    _id(),
    Column("host", String(255), nullable=False),
    Column("process", Integer, nullable=False),
    Column("process_started_at", Float(53), nullable=False),
    Column("version", String(64), nullable=False),
    Column("seen_at", Moment, nullable=False, index=True),
    Column("stopped_at", Moment),
    Column("recovered_by", String(64)),
    _created(),
)
