"""Speaks and clones in ten languages with Qwen3-TTS on a graphics card, in an environment of its own.

A model is a folder as the hub has it. Those of the type `base` clone, those of the type `custom_voice` bring voices.
Only safetensors are read, and nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, StockVoice, SynthesisRequest
from myna.engines.patience import patiently
from myna.engines.tensors import checked_reference, device_of, from_text, to_text, usable_with_torch
from myna.errors import EngineFailed, EngineUnavailable, Unsupported
from myna.models.store import ModelStore, unusable

ENGINE = "qwen-tts"
FORMAT = "qwen-tts/1"
_RATE = 24_000
_LONGEST = 30.0
"""Seconds of a reference that are used."""
_USUAL_TEMPERATURE, _WILDEST = 0.9, 1.2
_CLONES, _HAS_VOICES = "base", "custom_voice"
_TAGS = {
    "chinese": "zh-CN", "english": "en-US", "japanese": "ja-JP", "korean": "ko-KR", "german": "de-DE",
    "french": "fr-FR", "russian": "ru-RU", "portuguese": "pt-BR", "spanish": "es-ES", "italian": "it-IT",
}  # fmt: skip
"""By what the library calls a language."""


@dataclass(frozen=True, slots=True)
class _Model:
    """What the configuration of a model says."""

    name: str
    folder: Path
    type: str
    languages: tuple[str, ...]
    """As the library calls them."""
    speakers: tuple[str, ...]


class QwenEngine(Engine):
    """Makes a whole sentence at a time."""

    name: ClassVar[str] = ENGINE

    def __init__(self) -> None:
        self._interrupted = threading.Event()
        self._device = device_of(ENGINE, "cuda")
        self._models = _some_models()
        self._name, self._loaded = "", None
        self._load(next((model for model in self._models if model.type == _CLONES), self._models[0]))

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return usable_with_torch(ENGINE, {"qwen_tts": "qwen-tts"}, _some_models, "cuda")

    @classmethod
    def describe(cls) -> Capabilities:
        """Without a model, what it could do with one."""
        models = _find_models()
        clones = not models or any(model.type == _CLONES for model in models)
        known = {_TAGS[language] for model in models for language in model.languages}
        return Capabilities(
            name=cls.name,
            description="Cloned and stock voices in ten languages with Qwen3-TTS, for a graphics card.",
            version=_version(),
            licence="Apache-2.0 (qwen-tts and its weights)",
            languages=tuple(sorted(known or _TAGS.values())),
            sample_rate=_RATE,
            cloning=clones,
            voice_format=FORMAT if clones else "",
            clone_quality="neural" if clones else "",
            options=frozenset({"temperature", "seed"}),
            device=device_of(ENGINE, "cuda"),
            max_characters=500,
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        return tuple(
            StockVoice(
                id=f"{model.name.removeprefix(f'{ENGINE}-')}.{speaker.lower().replace('_', '-')}",
                name=f"{speaker.replace('_', ' ').title()} ({model.name})",
                language=_TAGS[model.languages[0]],
                description="A voice of Qwen3-TTS; it speaks all ten languages.",
                settings={"model": model.name, "speaker": speaker},
            )
            for model in _find_models()
            for speaker in model.speakers
        )

    def prepare_voice(
        self, reference: Samples, sample_rate: int, transcript: str | None = None, language: str | None = None
    ) -> dict[str, Any]:
        """With the words of the recording the clone also takes over its manner, else the colour of its voice alone."""
        model = next((model for model in self._models if model.type == _CLONES), None)
        if model is None:
            raise Unsupported(f"The models of the engine `{ENGINE}` that are here cannot clone voices.")
        sound = checked_reference(reference, sample_rate, _LONGEST)
        (heard,) = self._load(model).create_voice_clone_prompt(
            ref_audio=(sound, sample_rate), ref_text=transcript, x_vector_only_mode=not transcript
        )
        tensors = {"speaker": heard.ref_spk_embedding.float()}
        if heard.ref_code is not None:
            tensors["codes"] = heard.ref_code
        return {"format": FORMAT, "model": model.name, "text": heard.ref_text, "tensors": to_text(tensors)}

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        settings = request.voice_settings
        model = next((model for model in self._models if model.name == settings.get("model")), None)
        if model is None:
            raise EngineUnavailable(f"The model `{settings.get('model')}` of this voice is not here.")
        language = _library_language(request.language, model)
        if "speaker" not in settings and settings.get("format") != FORMAT:
            raise Unsupported(f"This is no voice that the engine `{ENGINE}` has made.")
        loaded = self._load(model)
        self._interrupted.clear()
        yield from patiently(lambda: self._sentence(loaded, request, language), _RATE)
        if request.pause_after:
            yield AudioChunk(np.zeros(round(request.pause_after * _RATE), np.float32), _RATE)

    def interrupt(self) -> None:
        self._interrupted.set()

    def _sentence(self, loaded: Any, request: SynthesisRequest, language: str) -> Samples:
        import torch

        torch.manual_seed(request.seed & 0xFFFF_FFFF if request.temperature else 0)
        temperature = _USUAL_TEMPERATURE + request.temperature * (_WILDEST - _USUAL_TEMPERATURE)
        settings = request.voice_settings
        if "speaker" in settings:
            sounds, rate = loaded.generate_custom_voice(
                text=request.text, speaker=settings["speaker"], language=language, temperature=temperature
            )
        else:
            sounds, rate = loaded.generate_voice_clone(
                text=request.text,
                language=language,
                voice_clone_prompt=[_heard(settings, self._device)],
                temperature=temperature,
            )
        if rate != _RATE:
            raise EngineFailed(f"The model speaks at {rate} Hz, not {_RATE}.")
        return np.clip(np.asarray(sounds[0], np.float32).reshape(-1), -1.0, 1.0)

    def _load(self, model: _Model) -> Any:
        """One model is in memory at a time. Raises `EngineUnavailable`."""
        if self._name == model.name:
            return self._loaded
        os.environ["HF_HUB_OFFLINE"] = "1"
        import torch
        from qwen_tts import Qwen3TTSModel

        self._name, self._loaded = "", None
        numbers = torch.bfloat16 if self._device.startswith("cuda") else torch.float32
        try:
            loaded: Any = Qwen3TTSModel.from_pretrained(
                str(model.folder), device_map=self._device, dtype=numbers, use_safetensors=True
            )
        except Exception as error:
            raise unusable(model.name, f"cannot be loaded: {error}") from error
        loaded.model.talker.register_forward_pre_hook(self._go_on)
        self._name, self._loaded = model.name, loaded
        return loaded

    def _go_on(self, *_: Any) -> None:
        """Asked before each step of the network, which are twelve for a second of sound."""
        if self._interrupted.is_set():
            raise EngineFailed("Interrupted.")


def _heard(settings: Mapping[str, Any], device: str) -> Any:
    """What the library knows of a speaker, as `prepare_voice` has kept it."""
    from qwen_tts import VoiceClonePromptItem

    kept = {name: tensor.to(device) for name, tensor in from_text(settings["tensors"]).items()}
    return VoiceClonePromptItem(
        ref_code=kept.get("codes"),
        ref_spk_embedding=kept["speaker"],
        x_vector_only_mode="codes" not in kept,
        icl_mode="codes" in kept,
        ref_text=settings["text"],
    )


def _find_models() -> tuple[_Model, ...]:
    """Those that are here and can be used. Raises `EngineUnavailable` when some are here and none can."""
    models: list[_Model] = []
    problems: list[EngineUnavailable] = []
    for installed in ModelStore.here().installed(ENGINE):
        try:
            models.append(_read(installed.name, installed.folder))
        except EngineUnavailable as error:
            problems.append(error)
    if problems and not models:
        raise problems[0]
    return tuple(models)


def _some_models() -> tuple[_Model, ...]:
    """As `_find_models`. Raises `EngineUnavailable` also when there is none."""
    if not (found := _find_models()):
        raise EngineUnavailable("no model is here: `myna models pull qwen-tts` brings one")
    return found


def _read(name: str, folder: Path) -> _Model:
    for part in (folder, folder / "speech_tokenizer"):
        if not (part / "config.json").is_file() or not any(part.glob("*.safetensors")):
            missing = part.relative_to(folder.parent)
            raise EngineUnavailable(f"the model `{name}` is not whole: {missing} needs config.json and *.safetensors")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        talker = config["talker_config"]
        known = tuple(language for language in talker["codec_language_id"] if language in _TAGS)
        speakers = tuple(sorted(talker["spk_id"] or ())) if config["tts_model_type"] == _HAS_VOICES else ()
    except (ValueError, LookupError, TypeError) as error:
        raise EngineUnavailable(f"config.json of the model `{name}` is not one of Qwen3-TTS: {error}") from error
    if config["tts_model_type"] not in (_CLONES, _HAS_VOICES) or not known:
        kind = config["tts_model_type"]
        raise EngineUnavailable(
            f"the model `{name}` is of the type {kind}; `{_CLONES}` and `{_HAS_VOICES}` can be used"
        )
    return _Model(name, folder, config["tts_model_type"], known, speakers)


def _library_language(tag: str, model: _Model) -> str:
    primary = tag.partition("-")[0].lower()
    for language in model.languages:
        if _TAGS[language].partition("-")[0] == primary:
            return language
    raise Unsupported(f"The model `{model.name}` does not speak `{tag}`.")


def _version() -> str:
    try:
        return version("qwen-tts")
    except PackageNotFoundError:  # asked where the library is not, for the documentation
        return ""
