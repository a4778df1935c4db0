"""Speaks with voices of Piper (VITS, ONNX). piper-tts, with its espeak-ng, is GPL-3 and lives in this process alone."""

from __future__ import annotations

import contextlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, StockVoice, SynthesisRequest
from myna.engines.needs import missing_library
from myna.engines.onnx import Stoppable, open_session
from myna.errors import EngineFailed, EngineUnavailable, MynaError, Unsupported
from myna.models.store import ModelStore, unusable

SAMPLE_RATE = 22_050
"""Of the voices of medium and high quality, which are the most. Those of 16 kHz are brought to it, so that one engine
has one rate."""
_CHUNK = SAMPLE_RATE // 2
_USUAL_TEMPERATURE = 0.7
"""At which a voice varies as much as its maker meant it to."""
_SENTENCE_PAUSE = 0.2
"""Seconds after a sentence at speed 1."""
_KEPT_VOICES = 4
"""Voices that a process keeps loaded, the last used; 60 to 120 MB each."""
_NEEDS = {"espeak": (), "text": (), "hebrew": (), "japanese": ("pyopenjtalk",)}
"""How piper-tts reads, and what must be installed for it. `pinyin` would download a model, `thai` a dictionary."""
_MARKED_ARABIC = re.compile("[\u064b-\u0652]")


@dataclass(frozen=True, slots=True)
class _VoiceFile:
    """A network and what it says about itself."""

    model: str
    """Its name in the store."""
    network: Path
    config: Mapping[str, Any]

    @property
    def id(self) -> str:
        plain = self.network.stem in ("voice", "model")
        return _as_id(self.model.removeprefix("piper-") if plain else self.network.stem)

    @property
    def language(self) -> str:
        """BCP 47, from `en_US`."""
        code = self.config.get("language", {}).get("code") or self.config["espeak"]["voice"]
        return str(code).replace("_", "-")

    @property
    def speakers(self) -> Mapping[str, int]:
        known: Mapping[str, int] = self.config.get("speaker_id_map") or {}
        return known or {str(number): number for number in range(self.config.get("num_speakers", 1))}


class PiperEngine(Engine):
    """All voices of Piper that are in the store of models, as voices of one engine."""

    name: ClassVar[str] = "piper"

    def __init__(self) -> None:
        """Loads the first voice, so that a server with one has it before it is ready."""
        self._loaded: OrderedDict[Path, _Loaded] = OrderedDict()
        self._speaking: Stoppable | None = None
        for file in _voice_files()[:1]:
            with contextlib.suppress(EngineUnavailable):  # its requests will say it
                self._load(file)

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if missing := missing_library(cls.name, {"piper": "piper-tts"}):
            return False, missing
        if not _voice_files():
            return False, "no voice of Piper is here: `myna models pull piper-en-us-ljspeech` brings one"
        return True, ""

    @classmethod
    def describe(cls) -> Capabilities:
        languages = dict.fromkeys(voice.language for voice in _voice_files())
        return Capabilities(
            name=cls.name,
            description="Fast natural speech with the voices of Piper, a model for each.",
            version=_version(),
            licence="GPL-3.0-or-later (piper-tts, in a process of its own); each voice has a licence of its own",
            languages=tuple(languages) or ("en-US",),
            sample_rate=SAMPLE_RATE,
            streaming=True,
            diacritics="helpful",
            one_language=True,
            options=frozenset({"speed", "temperature"}),
            max_characters=1_000,
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        found: dict[str, StockVoice] = {}
        for file in _voice_files():
            for voice in _stock_voices(file):
                found.setdefault(voice.id, voice)
        return tuple(found.values())

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        file, speaker = _chosen(request.voice_settings)
        if request.language and _primary(request.language) != _primary(file.language):
            raise Unsupported(f"The voice `{file.id}` speaks `{file.language}` only, not `{request.language}`.")
        loaded = self._load(file)
        sentences = loaded.speak(_without_commands(request.text), speaker, request)
        audible = False
        for samples in sentences:
            audible = audible or bool(np.abs(samples).max(initial=0.0) > 0)
            yield from _chunks(samples)
        if not audible:
            raise EngineFailed("There is nothing to say in this text.")
        pause = _SENTENCE_PAUSE / request.speed if request.pause_after is None else request.pause_after
        if pause:
            yield AudioChunk(np.zeros(round(pause * SAMPLE_RATE), np.float32), SAMPLE_RATE)

    def interrupt(self) -> None:
        if (speaking := self._speaking) is not None:
            speaking.stop()

    def _load(self, file: _VoiceFile) -> _Loaded:
        if file.network not in self._loaded:
            self._loaded[file.network] = _Loaded(file)
            while len(self._loaded) > _KEPT_VOICES:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(file.network)
        self._speaking = self._loaded[file.network].session
        return self._loaded[file.network]


class _Loaded:
    """A voice that can speak."""

    def __init__(self, file: _VoiceFile) -> None:
        """Raises `EngineUnavailable` when its files are not what they should be."""
        try:
            from piper import PiperConfig, PiperVoice

            self.session = open_session(file.network, PiperEngine.name)
            config = PiperConfig.from_dict(dict(file.config))
            self._voice = PiperVoice(self.session, config, download_dir=file.network.parent)
        except MynaError:
            raise
        except Exception as error:  # onnxruntime and piper have many ways to say it
            raise _broken(file.model, " ".join(str(error).split()) or type(error).__name__) from error

    def speak(self, text: str, speaker: int | None, request: SynthesisRequest) -> Iterator[Samples]:
        """Sentence by sentence, at `SAMPLE_RATE`."""
        from piper import SynthesisConfig

        voice, usual = self._voice, self._voice.config
        variation = min(1.0, max(0.0, request.temperature)) / _USUAL_TEMPERATURE
        voice.use_tashkeel = not _MARKED_ARABIC.search(text)  # marks that are there were meant
        config = SynthesisConfig(
            speaker_id=speaker,
            length_scale=usual.length_scale / request.speed,
            noise_scale=usual.noise_scale * variation,
            noise_w_scale=usual.noise_w_scale * variation,
        )
        for sentence in voice.synthesize(text, config):
            yield _at_our_rate(np.atleast_1d(sentence.audio_float_array), sentence.sample_rate)


def _voice_files() -> tuple[_VoiceFile, ...]:
    """The voices that can be read here. One whose description is broken is no voice; `myna models verify` finds it."""
    here = ModelStore.here().installed(PiperEngine.name)
    networks = ((model.name, path) for model in here for path in sorted(model.folder.rglob("*.onnx")))
    found = (_voice_file(name, path) for name, path in networks)
    return tuple(file for file in found if file is not None and _can_read(file.config))


def _voice_file(model: str, network: Path) -> _VoiceFile | None:
    description = network.with_name(f"{network.name}.json")
    try:
        config = _description(description, description.stat().st_mtime_ns)
        known = _VoiceFile(model, network, config)
        return known if known.language and known.speakers and config["audio"]["sample_rate"] > 0 else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@lru_cache(maxsize=1024)
def _description(path: Path, changed: int) -> Mapping[str, Any]:
    """Read again only when it has changed."""
    read: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def _can_read(config: Mapping[str, Any]) -> bool:
    needs = _NEEDS.get(config.get("phoneme_type", "espeak"))
    return needs is not None and all(find_spec(package) for package in needs)


def _stock_voices(file: _VoiceFile) -> Iterator[StockVoice]:
    language, several = file.config.get("language", {}), len(file.speakers) > 1
    spoken = language.get("name_english", file.language)
    country = language.get("country_english")
    quality = file.config.get("audio", {}).get("quality", "")
    for speaker, number in file.speakers.items():
        voice_id = f"{file.id}.{_as_id(speaker)}" if several else file.id
        yield StockVoice(
            id=voice_id,
            name=f"Piper {voice_id}",
            language=file.language,
            description=f"{spoken}{f' ({country})' if country else ''}, {quality or 'unknown'} quality, "
            f"{f'speaker {speaker} of ' if several else ''}the voice {file.network.stem} of Piper.",
            settings={
                "model": file.model,
                "file": file.network.relative_to(_folder(file)).as_posix(),
                "speaker": number if several else None,
            },
        )


def _folder(file: _VoiceFile) -> Path:
    return ModelStore.here().folder / file.model


def _chosen(settings: Mapping[str, Any]) -> tuple[_VoiceFile, int | None]:
    """The file of a stock voice and its speaker. Raises `EngineUnavailable` when it is gone, `Unsupported`."""
    name, path = str(settings.get("model", "")), str(settings.get("file", ""))
    if not name or not path:
        raise Unsupported("This is no voice of the engine `piper`.")
    network = ModelStore.here().require(name) / path
    file = _voice_file(name, network)
    if file is None or not network.is_file():
        raise _broken(name, f"`{path}` or its description (`.onnx.json`) is missing or cannot be read")
    speaker = settings.get("speaker")
    if speaker is not None and speaker not in file.speakers.values():
        raise Unsupported(f"The voice `{file.id}` has no speaker {speaker}.")
    return file, speaker


def _broken(name: str, reason: str) -> EngineUnavailable:
    return unusable(name, f"cannot be used: {reason}")


def _at_our_rate(samples: Samples, rate: int) -> Samples:
    if rate == SAMPLE_RATE:
        return samples
    from myna.audio.resample import resample

    return np.clip(resample(samples, rate, SAMPLE_RATE), -1.0, 1.0)


def _chunks(samples: Samples) -> Iterator[AudioChunk]:
    for begin in range(0, len(samples), _CHUNK):
        yield AudioChunk(samples[begin : begin + _CHUNK], SAMPLE_RATE)


def _without_commands(text: str) -> str:
    """piper-tts takes what stands in double brackets for phonemes."""
    return "".join(" " if letter < " " else letter for letter in text).replace("[[", "[ [")


def _as_id(name: str) -> str:
    """`en-us-lessac-medium` of `en_US-lessac-medium`."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "voice"


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()


def _version() -> str:
    try:
        return version("piper-tts")
    except PackageNotFoundError:
        return "none"
