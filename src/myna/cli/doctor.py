"""`myna doctor`: what works on this machine, what does not, and what to do."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from myna.cli.local import LocalData, load_settings, open_data, quiet_logs
from myna.cli.show import AsJson, show_rows
from myna.cli.speaking import Speaker, open_speaker
from myna.errors import MynaError

if TYPE_CHECKING:
    from myna.engines.base import Samples
    from myna.engines.separation import Stereo
    from myna.settings import Settings

Check = Callable[[], Awaitable[str]]

_FOR_CLIENTS = {"MYNA_KEY", "MYNA_URL"}
"""What the examples read."""


def doctor(as_json: AsJson = False) -> None:
    """Check settings, database, storage, ledger, work, engines, codecs, cloning and models. Ends with 1 when one is
    broken; what is only absent has the command that brings it.
    """
    import asyncio

    settings = load_settings()
    quiet_logs(settings)
    rows = asyncio.run(_examine_all(settings))
    show_rows(rows, as_json)
    if any(row["state"] == "broken" for row in rows):
        raise typer.Exit(1)


async def _examine_all(settings: Settings) -> list[dict[str, str]]:
    from myna.engines.kinds import KINDS

    data, speaker = open_data(settings), open_speaker(settings)
    checks: dict[str, Check] = {
        "settings": _settings,
        "database": lambda: _database(data),
        "storage": lambda: _storage(data),
        "ledger": lambda: _ledger(data),
        "work": lambda: _work(data),
        **_engines(speaker),
        "codecs": _codecs,
    }
    cloner = next((name for name in speaker.registry.names if speaker.registry.describe(name).cloning), None)
    if cloner:
        checks["cloning"] = lambda: _cloning(speaker, cloner)
    try:
        rows = [await _examine(name, check) for name, check in checks.items()]
    finally:
        await speaker.engines.close()
        await data.database.close()
    absent = {name: why for kind in KINDS for name, why in speaker.registry.unavailable_of(kind).items()}
    usable = {name for kind in KINDS for name in speaker.registry.names_of(kind)}
    rows += [{"part": f"engine {name}", "state": "absent", "details": why} for name, why in absent.items()]
    if not cloner:
        rows.append({"part": "cloning", "state": "absent", "details": "No engine here makes voices of recordings."})
    if not speaker.registry.names:
        rows.append({"part": "engines", "state": "broken", "details": "No engine can speak here. See docs/engines.md."})
    return [*rows, *_models(settings), *_features(settings, usable, absent)]


def _models(settings: Settings) -> list[dict[str, str]]:
    """The models that are here; `myna models verify` reads them all again."""
    from myna.models.catalogue import in_words
    from myna.models.store import ModelStore, how_to_bring, missing_files

    store, rows = ModelStore(settings.resolved_models_dir), []
    for name in store.names():
        try:
            model = store.look(name)
        except MynaError as error:
            rows.append({"part": f"model {name}", "state": "broken", "details": error.message})
            continue
        if model is None:
            continue
        lost = missing_files(model)
        details = f"`{lost[0]}` is not what it was. {how_to_bring(name)}" if lost else in_words(model.size_bytes)
        rows.append({"part": f"model {name}", "state": "broken" if lost else "ok", "details": details})
    return rows


def _features(settings: Settings, usable: Container[str], absent: Mapping[str, str]) -> list[dict[str, str]]:
    """What neural engines would add, each with the command that brings what is missing for it."""
    from myna.models.features import examine
    from myna.models.store import ModelStore

    store = ModelStore(settings.resolved_models_dir)
    engines = {model.manifest.engine for model in store.installed()}
    unnamed = "MYNA_ENGINES does not name its engine `{}`"
    unusable = {name: absent.get(name, unnamed.format(name)) for name in engines if name not in usable}
    return [
        {"part": found.feature.name, "state": "ok", "details": f"by {found.by}"}
        if found.by
        else {"part": found.feature.name, "state": "absent", "details": f"{found.feature.instead}: {found.missing}"}
        for found in examine(store, settings, unusable)
    ]


async def _examine(name: str, check: Check) -> dict[str, str]:
    """Whatever a part raises is what is wrong with it."""
    try:
        return {"part": name, "state": "ok", "details": await check()}
    except MynaError as error:
        reason = error.details.get("reason")
        return {"part": name, "state": "broken", "details": f"{error.message} ({reason})" if reason else error.message}
    except Exception as error:
        return {"part": name, "state": "broken", "details": f"{type(error).__name__}: {error}"}


async def _settings() -> str:
    """A misspelt variable, or line of `myna.toml`, would be passed over in silence."""
    import difflib

    from myna.settings import Settings

    known = {f"MYNA_{name.upper()}" for name in Settings.model_fields}
    given = _given_settings()
    if unknown := sorted(given - known):
        close = difflib.get_close_matches(unknown[0], known, 1)
        hint = f"Did you mean {close[0]}?" if close else "docs/settings.md lists every setting."
        raise MynaError(f"No such setting: {', '.join(unknown)}. {hint}")
    return ", ".join(sorted(given)) or "all at their defaults"


def _given_settings() -> set[str]:
    """By the environment and by `myna.toml`, as names of variables."""
    import tomllib

    given = {name.upper() for name in os.environ if name.upper().startswith("MYNA_")} - _FOR_CLIENTS
    if (file := Path("myna.toml")).is_file():
        given |= {f"MYNA_{name.upper()}" for name in tomllib.loads(file.read_text())}
    return given


async def _database(data: LocalData) -> str:
    await data.database.migrate()
    await data.database.ping()
    return data.database.dialect


async def _storage(data: LocalData) -> str:
    await data.storage.check()
    return data.settings.resolved_storage_url


async def _ledger(data: LocalData) -> str:
    if broken := await data.credits.check():
        raise MynaError("; ".join(broken))
    return "exact"


async def _work(data: LocalData) -> str:
    """No accepted work lies with a dead node."""
    from myna.worker.durable import find_stuck
    from myna.worker.nodes import has_run, live_nodes

    if not await has_run(data.database):
        return "no node has run lately"
    nodes = await live_nodes(data.settings, data.database)
    if stuck := await find_stuck(data.settings, nodes):
        raise MynaError(f"Nobody goes on with {len(stuck)} jobs ({', '.join(stuck[:3])} …). A running node takes them.")
    return f"{len(nodes)} nodes run, nothing is stuck"


def _engines(speaker: Speaker) -> dict[str, Check]:
    """Of each kind, the preferred first."""
    registry = speaker.registry
    return {
        **{f"engine {name}": partial(_speaks, speaker, name) for name in registry.names},
        **{f"engine {name}": partial(_hears, speaker, name) for name in registry.recognisers},
        **{f"engine {name}": partial(_translates, speaker, name) for name in registry.translators},
        **{f"engine {name}": partial(_separates, speaker, name) for name in registry.separators},
        **{f"engine {name}": partial(_denoises, speaker, name) for name in registry.denoisers},
        **_named_denoiser(speaker),
    }


async def _hears(speaker: Speaker, name: str) -> str:
    """The engine finds words in what a voice says."""
    from myna.engines.recognition import RecognitionRequest

    able = speaker.registry.describe_recogniser(name)
    if not speaker.registry.names:
        await speaker.engines.warm(name)
        return "nobody speaks to it"
    samples, rate = await _sentence(speaker)
    heard = await speaker.engines.recognise(name, samples, rate, RecognitionRequest(_usual(able.languages)))
    if not heard.words:
        raise MynaError("It heard no words in a sentence.")
    return f"hears {len(able.languages)} languages" if len(able.languages) > 1 else f"hears {able.languages[0]}"


def _usual(languages: tuple[str, ...]) -> str:
    """English, where it is one of them: the sentence is English where anybody here speaks it."""
    return next((tag for tag in languages if tag.partition("-")[0] == "en"), languages[0])


async def _separates(speaker: Speaker, name: str) -> str:
    """The engine takes half a second of a hum apart."""
    import numpy as np

    able = speaker.registry.describe_separator(name)
    hum = (0.1 * np.sin(np.arange(able.sample_rate // 2) / 40)).astype(np.float32)

    async def sound() -> AsyncIterator[Stereo]:
        yield np.stack([hum, hum], axis=1)

    async for _ in speaker.engines.separate(name, sound(), (able.speech,)):
        pass
    return f"tells {', '.join(able.stems)} apart"


async def _denoises(speaker: Speaker, name: str) -> str:
    """The engine hears half a second of a hum."""
    import numpy as np

    rate = speaker.registry.describe_denoiser(name).sample_rate
    await speaker.engines.denoise(name, (0.1 * np.sin(np.arange(rate // 2) / 40)).astype(np.float32))
    return f"denoises at {rate} Hz" + (", for all speech" if speaker.settings.denoiser == name else "")


def _named_denoiser(speaker: Speaker) -> dict[str, Check]:
    """One that is named and is not here is broken: nothing stands in for it."""
    name = speaker.settings.denoiser
    if not name or name in speaker.registry.denoisers:
        return {}

    async def check() -> str:
        return speaker.registry.describe_denoiser(name).name

    return {f"engine {name}": check}


async def _translates(speaker: Speaker, name: str) -> str:
    """The engine translates a greeting by the first of its pairs."""
    from myna.engines.translation import TranslationRequest

    able = speaker.registry.describe_translator(name)
    first_pairs = [*able.pairs[:1], *(group[:2] for group in able.groups), ("en", "es")]
    source, target = first_pairs[0]
    await speaker.engines.translate(name, TranslationRequest(("Hello.",), source, target))
    if able.any_pair:
        return "any pair of languages"
    return ", ".join([f"{len(able.pairs)} pairs of languages", *(f"any two of {len(group)}" for group in able.groups)])


async def _speaks(speaker: Speaker, name: str) -> str:
    """The engine speaks a word, or starts at least when it has no voices of its own."""
    from myna.engines.base import SynthesisRequest

    voices = speaker.registry.voices(name)
    if not voices:
        await speaker.engines.warm(name)
        return "no voices of its own"
    voice = voices[0]
    request = SynthesisRequest(text="Hello.", language=voice.language, voice_settings=voice.settings)
    await speaker.engines.synthesize(name, request)
    return f"{len(voices)} voices"


async def _cloning(speaker: Speaker, name: str) -> str:
    """The engine makes a voice of what another voice says, and what looks at recordings can be loaded."""
    import asyncio

    from myna.audio.activity import speech_segments
    from myna.audio.speaker import speaker_embedding

    samples, rate = await _sentence(speaker)
    await speaker.engines.prepare_voice(name, samples, rate)
    for measure in (speech_segments, speaker_embedding):
        await asyncio.to_thread(measure, samples, rate)
    return f"by {name}, quality: {speaker.registry.describe(name).clone_quality}"


async def _sentence(speaker: Speaker) -> tuple[Samples, int]:
    """What the default voice says, and its rate."""
    import numpy as np

    from myna.engines.base import SynthesisRequest

    voice = speaker.voices.default("en")
    text = "This sentence is spoken to be listened to, and then it is forgotten."
    request = SynthesisRequest(text=text, language=voice.language, voice_settings=voice.settings)
    chunks = await speaker.engines.synthesize(voice.engine, request)
    return np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate


async def _codecs() -> str:
    """Each format is written, and read back as if somebody had sent it."""
    import numpy as np

    from myna.media.encode import encode
    from myna.media.formats import AUDIO_FORMATS
    from myna.media.sandbox import decode_untrusted

    tone = (0.1 * np.sin(np.arange(24_000) / 10)).astype(np.float32)
    for name in AUDIO_FORMATS:
        data = encode(tone, 24_000, name)
        if name != "pcm":
            await decode_untrusted(data, max_seconds=2)
    return ", ".join(AUDIO_FORMATS)
