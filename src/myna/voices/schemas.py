"""Voices: what can speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from myna.engines.base import Capabilities, Gender, Samples

REFERENCE_VOICE = "reference"
"""Id of a voice that was prepared and is not kept."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A stock voice, or a cloned voice that an account owns."""

    id: str
    """Stable. Of a stock voice: `engine:voice`, such as `espeak:en-us.f3`."""
    name: str
    engine: str
    languages: tuple[str, ...]
    """BCP 47 tags, its own first."""
    gender: Gender
    description: str = ""
    kind: Literal["stock", "cloned"] = "stock"
    account_id: str | None = None
    """The owner of a cloned voice."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What its engine needs to know. JSON."""
    dialects: tuple[str, ...] = ()
    quality: str = ""
    """Of a cloned voice, how near it comes: the engine's `clone_quality`."""
    stability: float | None = None
    """Of a cloned voice: what to speak with unless a request says otherwise."""
    similarity: float | None = None

    @property
    def language(self) -> str:
        return self.languages[0]


@dataclass(frozen=True, slots=True)
class NewVoice:
    """What somebody says about the voice to keep."""

    name: str
    description: str | None = None
    gender: str | None = None
    age: str | None = None
    languages: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ()
    avatar_url: str | None = None
    stability: float = 0.5
    similarity: float | None = None
    """None: as in its preview when that was made here, else 1."""
    consent_id: str | None = None


@dataclass(frozen=True, slots=True)
class VoiceChange:
    """What to change of a kept voice; None leaves a field as it is. The sound never changes."""

    name: str | None = None
    description: str | None = None
    gender: str | None = None
    age: str | None = None
    languages: tuple[str, ...] | None = None
    dialects: tuple[str, ...] | None = None
    avatar_url: str | None = None
    stability: float | None = None
    similarity: float | None = None
    cleared: frozenset[str] = frozenset()
    """Fields of `description`, `gender`, `age`, `avatar_url` that become None."""


@dataclass(frozen=True, slots=True)
class ClonedVoice:
    """A voice that was made from a recording, with all that is known of it."""

    id: str
    """`voice_` and 24 characters."""
    record_id: str
    """A UUID, for clients that want one; it finds the voice as well as `id` does."""
    account_id: str
    api: str
    """The API through which it was made."""
    name: str
    description: str | None
    gender: str | None
    age: str | None
    languages: tuple[str, ...]
    """BCP 47 tags as given; empty when nobody said."""
    dialects: tuple[str, ...]
    avatar_url: str | None
    stability: float
    similarity: float
    engine: str
    """The only engine that speaks it."""
    voice_format: str
    quality: str
    reference_hash: str
    """SHA-256 of the recording as it was sent, in hexadecimal."""
    transcript: str | None
    report: Mapping[str, Any]
    """The intake report, as JSON."""
    preview_verified: bool
    """Its preview was made by this server."""
    consent_id: str | None
    affirmed_by: str | None
    """The key whose holder affirmed the right to use the recording; None is the operator, at the command line."""
    affirmed_at: datetime
    created_at: datetime
    updated_at: datetime

    @property
    def folder(self) -> str:
        """Where its files lie in the storage: `reference.flac`, `preview.wav`, `prepared.json`, `sample.mp3`."""
        return f"voices/{self.account_id}/{self.id}"


@dataclass(frozen=True, slots=True)
class PreparedVoice:
    """A voice that can speak and is not kept. Shared by all who ask for the same: nobody changes its parts."""

    voice: Voice
    """Its id is `REFERENCE_VOICE`."""
    reference: Samples
    """The part of the recording from which it was made."""
    sample_rate: int
    """Hz of `reference`."""
    reference_hash: str
    """SHA-256 of the recording as it was sent, in hexadecimal."""
    report: Mapping[str, Any]
    """The intake report, as JSON."""
    embedding: tuple[float, ...]
    """Of the speaker; kept in memory only."""
    capabilities: Capabilities
    """Of the engine that prepared it."""
    transcript: str | None
    language: str | None
    """What is said in the recording, and in which language, when known."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What the deletion of a voice removed."""

    voice_id: str
    files: tuple[str, ...]
    """Names of files, such as `reference.flac`."""

    @property
    def parts(self) -> tuple[str, ...]:
        """What that was: `reference`, `preview`, `prepared` (what the engine knew of the voice), `sample`."""
        return tuple(name.partition(".")[0] for name in self.files)


@dataclass(frozen=True, slots=True)
class Consent:
    """A recording in which a speaker agrees to the use of the voice."""

    id: str
    """`cons_` and 24 characters."""
    account_id: str
    name: str
    language: str
    object_key: str
    affirmed_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BlockedVoice:
    """A speaker whom nobody may clone here."""

    id: str
    name: str
    reason: str
    embedding: tuple[float, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Alias:
    """A vendor's name for a voice. A slot, not an impression: the voice claims nothing about that name."""

    api: str
    key: str
    """What clients send: a UUID or a label."""
    name: str
    """What clients see."""
    voice_id: str
    locale: str
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else the vendor says about it, such as `label`, the name in its user interface."""
