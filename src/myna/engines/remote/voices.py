"""Which voices the speech servers have: as the settings name them, else as a server lists them.

GET {MYNA_REMOTE_URL}/audio/voices answers in many shapes: vLLM-Omni `{"voices": ["vivian"]}`, Kokoro-FastAPI and Myna
`{"voices": [{"id", "name"}]}`, others a bare list, or `{"data": [...]}`. What is listed is kept in the data folder, so
that Myna also starts when the server does not answer.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import httpx

from myna.engines.base import Gender, StockVoice
from myna.engines.upstream import authorization, endpoint, said, server_of
from myna.errors import EngineUnavailable
from myna.settings import Settings

PATH = "/audio/voices"
_KEPT = "remote-voices.json"
_SECONDS = httpx.Timeout(4.0, connect=2.0)
_MOST_VOICES = 2_000
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_KOKORO = re.compile(r"([abefhijpz])([fm])_\w+", re.ASCII)
_KOKORO_LANGUAGES = {
    "a": "en-US", "b": "en-GB", "e": "es-ES", "f": "fr-FR", "h": "hi-IN", "i": "it-IT", "j": "ja-JP", "p": "pt-BR",
    "z": "zh-CN",
}  # fmt: skip
"""What the first letter of a Kokoro voice says; the second is its gender."""
_GENDERS: dict[str, Gender] = {"f": "female", "female": "female", "m": "male", "male": "male"}


@dataclass(frozen=True, slots=True)
class _Listed:
    """A voice as a server, or the settings, name it."""

    id: str
    name: str
    languages: tuple[str, ...] = ()
    gender: Gender = "neutral"


def remote_voices(settings: Settings) -> tuple[StockVoice, ...]:
    """One for each voice and language. Raises `EngineUnavailable` when nobody says which there are."""
    if settings.remote_voices:
        listed = tuple(_configured(settings.remote_voices))
    else:
        listed = _asked(tuple(settings.remote_url), settings.remote_key.get_secret_value(), settings)
    return tuple(_unique(_stock(listed, settings.remote_languages)))


def known_languages(settings: Settings) -> frozenset[str]:
    """The languages of the voices, as `en`, without asking anybody; none when nobody has said yet."""
    listed = tuple(_configured(settings.remote_voices)) or tuple(_read(_kept(settings)))
    tags = [voice.language for voice in _stock(listed, settings.remote_languages)]
    return frozenset(tag.split("-")[0].lower() for tag in [*tags, *settings.remote_languages] if listed)


def keys_of(settings: Settings) -> tuple[str, ...]:
    """The key of each server.

    Raises `EngineUnavailable` when there are neither one nor as many as servers, and for what no header can carry.
    """
    keys = [key.strip() for key in settings.remote_key.get_secret_value().split(",")]
    if not all(re.fullmatch(r"[ -~]*", key) for key in keys):
        raise EngineUnavailable("MYNA_REMOTE_KEY has characters that no key can have")
    if len(keys) not in (1, len(settings.remote_url)):
        raise EngineUnavailable("MYNA_REMOTE_KEY has neither one key nor as many as MYNA_REMOTE_URL has servers")
    return tuple(keys * len(settings.remote_url) if len(keys) == 1 else keys)


def _configured(names: Iterable[str]) -> Iterator[_Listed]:
    for entry in names:
        voice, _, language = entry.partition("=")
        yield _guessed(voice.strip(), voice.strip(), (language.strip(),) if language.strip() else ())


def _guessed(id: str, name: str, languages: tuple[str, ...], gender: str = "") -> _Listed:
    """With what the name of a Kokoro voice says where nobody says more."""
    found = _KOKORO.fullmatch(id)
    if found and not languages:
        languages = (_KOKORO_LANGUAGES[found[1]],)
    known = _GENDERS.get(gender.lower()) or (_GENDERS[found[2]] if found else "neutral")
    return _Listed(id, name, languages, known)


def _asked(urls: tuple[str, ...], key: str, settings: Settings) -> tuple[_Listed, ...]:
    found, problem = _answers(urls, key, keys_of(settings))
    if found:
        kept = settings.data_dir / _KEPT
        with contextlib.suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            coming = kept.with_suffix(".coming")
            coming.write_text(json.dumps({"servers": [*map(server_of, urls)], "voices": found}))
            coming.replace(kept)
    if not (found := found or _kept(settings)):
        raise EngineUnavailable(f"{problem}; name its voices in MYNA_REMOTE_VOICES, or start it before Myna")
    return tuple(_read(found))


def _kept(settings: Settings) -> list[Any]:
    """What these servers listed the last time that they were asked."""
    try:
        earlier = json.loads((settings.data_dir / _KEPT).read_text())
        return list(earlier["voices"]) if earlier["servers"] == [*map(server_of, settings.remote_url)] else []
    except (OSError, ValueError, LookupError, TypeError):
        return []


@lru_cache(maxsize=8)
def _answers(urls: tuple[str, ...], _key: str, keys: tuple[str, ...]) -> tuple[list[Any], str]:
    """What the first server that answers lists, and what was wrong with the last that did not. Asked once."""
    problem = "no speech server is named"
    for url, key in zip(urls, keys, strict=True):
        name = server_of(url)
        try:
            answer = httpx.get(_list_of(url), headers=authorization(key), timeout=_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = f"the speech server {name} did not say which voices it has ({type(error).__name__})"
            continue
        if answer.status_code == httpx.codes.OK and (found := _entries(answer)):
            return found, ""
        words = said(answer.text, keys)
        problem = f"the speech server {name} did not say which voices it has ({answer.status_code}: {words})"
    return [], problem


def _list_of(url: str) -> str:
    return endpoint(url.strip().rstrip("/").removesuffix("/audio/speech"), PATH)


def _entries(answer: httpx.Response) -> list[Any]:
    """The voices of a list, in any of its shapes."""
    try:
        listed = answer.json()
    except ValueError:
        return []
    if isinstance(listed, dict):
        listed = listed.get("voices") or listed.get("data")
    if isinstance(listed, dict):
        listed = [{"id": id} | (about if isinstance(about, dict) else {}) for id, about in listed.items()]
    return [entry for entry in listed if _id_of(entry)][:_MOST_VOICES] if isinstance(listed, list) else []


def _id_of(entry: Any) -> str:
    if isinstance(entry, dict):
        entry = entry.get("id") or entry.get("voice_id") or entry.get("name")
    return entry if isinstance(entry, str) else ""


def _read(entries: Iterable[Any]) -> Iterator[_Listed]:
    for entry in entries:
        about = entry if isinstance(entry, dict) else {}
        id = _id_of(entry)
        name = about.get("name")
        given = about.get("languages") or about.get("language") or about.get("locale") or about.get("lang")
        tags = given if isinstance(given, list) else [given]
        languages = tuple(tag.replace("_", "-") for tag in tags if isinstance(tag, str) and _TAG.fullmatch(tag))
        yield _guessed(id, name if isinstance(name, str) and name else id, languages, str(about.get("gender") or ""))


def _stock(listed: Iterable[_Listed], otherwise: Iterable[str]) -> Iterator[StockVoice]:
    """The first language has the voice's own name; each further one is a voice of its own."""
    for voice in listed:
        for number, language in enumerate(voice.languages or tuple(otherwise)):
            yield StockVoice(
                id=_slug(voice.id) if not number else f"{_slug(voice.id)}.{language.lower()}",
                name=voice.name if not number else f"{voice.name} ({language})",
                language=language,
                gender=voice.gender,
                description="A voice of a speech server.",
                settings={"voice": voice.id},
            )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "voice"


def _unique(voices: Iterable[StockVoice]) -> Iterator[StockVoice]:
    """Without those whose id is taken; a name that is taken gets the id."""
    ids: set[str] = set()
    names: set[str] = set()
    for voice in voices:
        if voice.id in ids:
            continue
        name = f"{voice.name} ({voice.id})" if voice.name.casefold() in names else voice.name
        ids.add(voice.id)
        names.add(name.casefold())
        yield replace(voice, name=name)
