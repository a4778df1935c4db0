"""Munsit's words into ours and back. Pure functions."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from myna.engines.base import Capabilities
from myna.errors import InvalidRequest
from myna.http.munsit.errors import WALLET_CREDITS_PER_DOLLAR
from myna.http.munsit.forms import Form
from myna.http.munsit.schemas import LONGEST_TEXT, RATE, STABILITY, ChangeBody, InitConnection, Model, SpeechBody, Voice
from myna.kit import ids
from myna.speech.schemas import SpeechRequest
from myna.speech.text import without_breaks
from myna.storage.links import LinkSigner
from myna.voices.schemas import REFERENCE_VOICE, Alias, ClonedVoice, NewVoice, VoiceChange
from myna.voices.schemas import Voice as OurVoice

API = "munsit"
MODELS = {
    "faseeh-v1-preview": (
        "Faseeh v1 (preview)",
        "The vendor's main model. Here the voice decides which engine speaks.",
    ),
    "faseeh-mini-v1-preview": (
        "Faseeh mini v1 (preview)",
        "The vendor's fast model. Here it is the same as the main one.",
    ),
}
WALLET_CREDITS_PER_CHARACTER = 2
FEWEST_WORDS, FEWEST_CHARACTERS = 3, 10
LONGEST_PREVIEW = 500
"""Characters of the text of a preview. The vendor names no limit."""
EITHER_OR = "Either 'speakers' array or both 'text' and 'voice_id' are required"
_DIALECTS = {"emirati": ("emirati", "uae", "ar-AE"), "fusha": ("fusha", "msa", "ar-001", "ar")}
"""The vendor's dialects, and the names under which an engine may know them."""


@dataclass(frozen=True, slots=True)
class PreviewFields:
    """What a preview says, and how."""

    text: str
    similarity: float
    speed: float
    model_id: str
    sample_rate: int
    consent_id: str | None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Makes the links of one answer."""

    signer: LinkSigner
    base_url: str
    """Of this server."""
    prefix: str
    """Under which the client sees this API: `/munsit` or nothing."""
    expires_at: datetime

    def sample(self, voice_id: str) -> str:
        """Where a voice is heard, with the key."""
        return f"{self.base_url}{self.prefix}/api/v1/voices/{quote(voice_id, safe='')}/sample"

    def preview(self, voice: ClonedVoice) -> str:
        """Where its preview is, without a key."""
        return self.signer.download(self.base_url, f"{voice.folder}/preview.wav", f"{voice.id}.wav", self.expires_at)


def read_preview(form: Form) -> PreviewFields:
    """Raises `InvalidRequest` for the first field that is not right, in the vendor's order."""
    text = form.required("text")
    check_preview_text(text)
    similarity, speed = form.share("similarity"), form.speed()
    model_id, rate = form.required("model_id").strip(), form.sample_rate()
    return PreviewFields(text, similarity, speed, model_id, rate, form.optional("consent_id"))


def check_preview_text(text: str) -> None:
    words = without_breaks(text)
    if len(words.split()) < FEWEST_WORDS or len(words.strip()) < FEWEST_CHARACTERS:
        raise InvalidRequest(
            f"text must have at least {FEWEST_WORDS} words and {FEWEST_CHARACTERS} characters", field="text"
        )
    if len(text) > LONGEST_PREVIEW:
        raise InvalidRequest(f"text must have at most {LONGEST_PREVIEW} characters", field="text")


def preview_request(wanted: PreviewFields, seed: int) -> SpeechRequest:
    return SpeechRequest(
        text=wanted.text,
        voice_id=REFERENCE_VOICE,
        speed=wanted.speed,
        stability=STABILITY,
        similarity=wanted.similarity,
        seed=seed,
        breaks=True,
        format="pcm",
        sample_rate=wanted.sample_rate,
    )


def read_new_voice(form: Form) -> tuple[NewVoice, str]:
    """The voice to keep, and its model. The text must be there, and is not compared with the preview's."""
    text = form.required("text")
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(f"text must have at most {LONGEST_TEXT} characters", field="text")
    if form.text("stability") is None:
        raise InvalidRequest("stability is required", field="stability")
    stability = form.share("stability")
    name, model_id = form.required("name"), form.required("model").strip()
    new = NewVoice(
        name=name,
        description=form.optional("description"),
        gender=form.optional("gender"),
        age=form.optional("age"),
        languages=form.separated("languages"),
        dialects=form.separated("dialects"),
        avatar_url=form.optional("avatar_url"),
        stability=stability,
        consent_id=form.optional("consent_id"),
    )
    return new, model_id


def voice_change(body: ChangeBody) -> VoiceChange:
    """What was sent; null empties a field that may be empty."""
    sent = body.model_fields_set
    values: dict[str, Any] = {name: getattr(body, name) for name in sent}
    for name in ("languages", "dialects"):
        if name in values:
            values[name] = tuple(values[name] or ())
    cleared = frozenset(name for name, value in values.items() if value is None or value == "") - {"name"}
    return VoiceChange(**{name: value for name, value in values.items() if name not in cleared}, cleared=cleared)


def check_body(body: SpeechBody) -> tuple[str, str]:
    """The text and the voice. Raises `InvalidRequest`."""
    if body.speakers is not None and (body.text is None or body.voice_id is None):
        raise InvalidRequest("The 'speakers' array is not supported here; send 'text' and 'voice_id'", field="speakers")
    if not body.text or not body.voice_id:
        raise InvalidRequest(EITHER_OR)
    return body.text, body.voice_id


def speech_request(body: SpeechBody, voice: OurVoice, able: Capabilities, seed: int) -> SpeechRequest:
    text, _ = check_body(body)
    return SpeechRequest(
        text=text,
        voice_id=voice.id,
        speed=1.0 if body.speed is None else body.speed,
        stability=stability_of(body.stability, voice),
        dialect=dialect_of(body.dialect, able),
        seed=seed,
        breaks=True,
        format="pcm",
        sample_rate=body.sample_rate or RATE,
    )


def socket_request(text: str, wanted: InitConnection, voice: OurVoice, seed: int) -> SpeechRequest:
    settings = wanted.voice_settings
    return SpeechRequest(
        text=text,
        voice_id=voice.id,
        speed=1.0 if settings.speed is None else settings.speed,
        stability=stability_of(settings.stability, voice),
        similarity=settings.similarity_boost if voice.kind == "cloned" else None,
        seed=seed,
        breaks=True,
        format="pcm",
        sample_rate=wanted.sample_rate,
    )


def stability_of(asked: float | None, voice: OurVoice) -> float:
    """As asked, else as the voice was kept, else the vendor's default."""
    if asked is not None:
        return asked
    return STABILITY if voice.stability is None else voice.stability


def dialect_of(word: str | None, able: Capabilities) -> str | None:
    """The engine's own name for a dialect, if it knows it; others read as they always do."""
    return next((name for name in _DIALECTS.get(word or "", ()) if name in able.dialects), None)


def seed_of(stability: float, repeated: str | None) -> int:
    """A voice that is not wholly steady differs from take to take; a repeated request is the same take."""
    if stability >= 1:
        return 0
    return random.Random(repeated).getrandbits(31) if repeated else random.SystemRandom().getrandbits(31)


def price_per_character(millicredits_per_wallet_credit: int) -> int:
    """Milli-credits."""
    return WALLET_CREDITS_PER_CHARACTER * millicredits_per_wallet_credit


def content_type(sample_rate: int) -> str:
    """Of samples without a header."""
    return f"audio/raw;codec=pcm16;rate={sample_rate};channels=1"


def models(engines: Iterable[Capabilities], *, free: bool) -> list[Model]:
    """The vendor's own, then one for each engine of this server."""
    cost = 0.0 if free else WALLET_CREDITS_PER_CHARACTER / WALLET_CREDITS_PER_DOLLAR
    known = [(name, *words) for name, words in MODELS.items()]
    known += [(able.name, able.name, able.description) for able in engines]
    return [
        Model(id=ids.derived_uuid("munsit-model", name), model_id=name, model_name=title, cost=cost, description=about)
        for name, title, about in known
    ]


def cloned_voice(found: ClonedVoice, addresses: Addresses) -> Voice:
    """The sample is the preview as it was sent; voices that came through another API may have none."""
    return Voice(
        id=found.record_id,
        voice_id=found.id,
        name=found.name,
        description=found.description,
        gender=found.gender,
        age=found.age,
        languages=list(found.languages),
        dialect=list(found.dialects),
        type="cloned",
        sample_url=addresses.preview(found) if found.api == API else addresses.sample(found.id),
        avatar_url=found.avatar_url,
        stability=found.stability,
    )


def stock_voice(found: OurVoice, addresses: Addresses, alias: Alias | None = None) -> Voice:
    """Under the vendor's id when `alias` gives it one."""
    voice_id = alias.key if alias else found.id
    return Voice(
        id=ids.derived_uuid("munsit-voice", voice_id),
        voice_id=voice_id,
        name=alias.name if alias else found.name,
        description=found.description or None,
        gender=None if found.gender == "neutral" else found.gender,
        age=None,
        languages=list(found.languages),
        dialect=list(found.dialects),
        type="neural",
        sample_url=addresses.sample(voice_id),
        avatar_url=None,
        stability=STABILITY,
    )


Place = tuple[int, str, str]
"""Where a voice stands in the list: clones by age, then stock voices by number."""


def place_of_clone(voice: ClonedVoice) -> Place:
    return 0, voice.created_at.isoformat(), voice.id


def place_of_stock(number: int) -> Place:
    return 1, f"{number:06d}", ""


def encode_place(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def decode_place(cursor: str) -> Place:
    try:
        section, first, second = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise InvalidRequest("cursor is not one that this server gave out", field="cursor") from None
    if section not in (0, 1) or not isinstance(first, str) or not isinstance(second, str):
        raise InvalidRequest("cursor is not one that this server gave out", field="cursor")
    return section, first, second
