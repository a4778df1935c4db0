"""Voice ids: names of Kokoro, the vendor's first names, and voices that an account has uploaded.

The vendor speaks with Kokoro-82M and lists its voices under friendly names; which name is which voice it has never
said. Here each name of Kokoro is a slot with a voice of its own (`voices/slots.py`), and each first name stands for one
of them in every language, of the same gender.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from myna.accounts.schemas import Caller
from myna.engines.base import Gender
from myna.errors import EngineNotFound, InvalidRequest, VoiceNotFound
from myna.voices.choice import Choice
from myna.voices.schemas import Alias, ClonedVoice, Voice

if TYPE_CHECKING:
    from myna.http.services import Services

API = "modelslab"
_VENDORS_MODEL = "kokoro"
"""Many send it always: its field has this default."""
_LETTERS = {"a": "en-US", "b": "en-GB", "j": "ja", "z": "zh", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt-BR"}
"""The first letter of a name of Kokoro is its language, the second its gender."""
FRIENDLY: dict[str, Gender] = {
    "henry": "male", "madison": "female", "leigh": "female", "diana": "female", "amy": "female", "emma": "female",
    "john": "male", "james": "male", "david": "male", "ryan": "male", "adam": "male", "tara": "female",
    "leah": "female", "jess": "female", "mia": "female", "zoe": "female", "leo": "male", "dan": "male", "zac": "male",
    "antoni": "male", "actor": "male",
}  # fmt: skip
"""Ids that the vendor has published somewhere."""
_KNOWN = {"henry": "am_michael", "madison": "af_bella", "emma": "bf_emma", "adam": "am_adam"}
_SUFFIX = re.compile(r"[a-z]+")
_NOT_IN_SLUGS = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A voice, and what the vendor would call it."""

    name: str
    voice: Voice


async def find_voice(services: Services, caller: Caller, given: str | None, language: str) -> Chosen:
    """The voice of a `voice_id` for a language, our tag; the language's first when none is named.

    Names of voices with a language of their own stand for one of the same gender elsewhere. Raises `InvalidRequest`.
    """
    if given is None:
        return await _of_language(services, caller, None, "", language)
    if blend := await _blend(services, caller, given):
        return blend
    # where no engine makes blends, the first is what most of it sounds like
    word = next((part.strip() for part in given.split(",") if part.strip()), given)
    kokoro = {alias.key: alias for alias in services.voices.aliases(API)}
    if alias := kokoro.get(word.lower()):
        return await _in_language(services, caller, alias, language)
    if own := await own_voice(services, caller, word):
        return Chosen(word, await services.voices.get(own.id, caller.account.id))
    if gender := FRIENDLY.get(word.lower()):
        usual = kokoro.get(_KNOWN.get(word.lower(), ""))
        if usual and usual.locale == language:
            return Chosen(usual.key, await services.voices.get(usual.voice_id, caller.account.id))
        return await _of_language(services, caller, gender, word.lower(), language)
    if alias := _by_suffix(list(kokoro.values()), word.lower(), language):
        return await _in_language(services, caller, alias, language)
    try:
        return Chosen(word, await services.voices.resolve(API, word, caller.account.id))
    except VoiceNotFound:
        raise InvalidRequest(f"Voice not found: {word[:100]}", field="voice_id") from None


def engine_of(services: Services, model: str | None, voice_id: str | None) -> Choice | None:
    """The engine that a `voice_model` names; None when the voice decides. The vendor's own model is the engine of its
    name where that is here and no voice is named. Raises `InvalidRequest`.
    """
    if model is None or model.strip().lower() == _VENDORS_MODEL:
        if model and voice_id is None:
            with suppress(EngineNotFound):
                return services.voices.choice(_VENDORS_MODEL)
        return None
    try:
        if choice := services.voices.choice(model.strip()):
            return choice
    except EngineNotFound as error:
        raise InvalidRequest(f"Model not found: {model[:100]}. {error.message}", field="voice_model") from None
    raise InvalidRequest(f"Model not found: {model[:100]}", field="voice_model")


async def of_engine(services: Services, caller: Caller, chosen: Chosen, choice: Choice) -> Chosen:
    """A vendor's name in the voice that the engine has for it. Raises `VoiceOfOtherEngine` for other voices."""
    if choice.includes(chosen.voice):
        return chosen
    name = chosen.name if chosen.voice.kind == "stock" else chosen.voice.id
    return Chosen(chosen.name, await services.voices.resolve(API, name, caller.account.id, choice))


async def _blend(services: Services, caller: Caller, given: str) -> Chosen | None:
    """`af_bella,af_sky`, when an engine here can blend these voices: they speak any language, as at the vendor."""
    if "," not in given and "+" not in given:
        return None
    try:
        return Chosen(given, await services.voices.resolve(API, given, caller.account.id))
    except VoiceNotFound:
        return None


async def own_voice(services: Services, caller: Caller, word: str) -> ClonedVoice | None:
    """By the id that `voice_upload` gave, else by our id."""
    voices = await services.cloning.list(caller.account.id)
    return next((voice for voice in voices if slug(voice.name) == _plain(word) or voice.id == word), None)


def slug(name: str) -> str:
    """`jacob_smith` of `Jacob Smith`; never empty."""
    return _plain(name) or "voice"


def free_name(name: str, taken: Sequence[str]) -> str:
    """The name, with a number when another voice has its slug."""
    slugs, number, free = {slug(other) for other in taken}, 1, name
    while slug(free) in slugs:
        number += 1
        free = f"{name} {number}"
    return free


def _plain(name: str) -> str:
    return _NOT_IN_SLUGS.sub("_", name.strip().lower()).strip("_")


async def _in_language(services: Services, caller: Caller, alias: Alias, language: str) -> Chosen:
    if alias.locale == language or _LETTERS.get(alias.key[0]) == language:
        return Chosen(alias.key, await services.voices.get(alias.voice_id, caller.account.id))
    return await _of_language(services, caller, _gender(alias), alias.key, language)


async def _of_language(services: Services, caller: Caller, gender: Gender | None, seed: str, language: str) -> Chosen:
    """A voice of a language: the first when no gender is wanted, else always the same one for the same seed."""
    fitting = [alias for alias in services.voices.aliases(API) if alias.locale == language]
    if not fitting:
        return _usual(services, language)
    if gender is not None:
        of_gender = [alias for alias in fitting if _gender(alias) == gender] or fitting
        chosen = max(of_gender, key=lambda alias: hashlib.sha256(f"{seed}\n{alias.key}".encode()).digest())
    else:
        chosen = fitting[0]
    return Chosen(chosen.key, await services.voices.get(chosen.voice_id, caller.account.id))


def _usual(services: Services, language: str) -> Chosen:
    """Of a language in which the vendor has no voices."""
    try:
        voice = services.voices.default(language)
    except VoiceNotFound as error:
        raise InvalidRequest(error.message, field="language") from None
    return Chosen(voice.id, voice)


def _by_suffix(aliases: Sequence[Alias], word: str, language: str) -> Alias | None:
    """`bella` is `af_bella`; of several languages the one that is spoken, else the first."""
    if not _SUFFIX.fullmatch(word):
        return None
    fitting = [alias for alias in aliases if alias.key.partition("_")[2] == word]
    return next((alias for alias in fitting if alias.locale == language), fitting[0] if fitting else None)


def _gender(alias: Alias) -> Gender:
    return "female" if alias.key[1:2] == "f" else "male"
