"""Speaks and clones in 23 languages with Resemble's Chatterbox on a graphics card, in an environment of its own.

Only safetensors are read; `ChatterboxMultilingualTTS.from_local` would unpickle two of the four networks. Nothing is
downloaded: what the library would fetch by itself is given to it from the model's folder, or is left out.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, StockVoice, SynthesisRequest
from myna.engines.patience import patiently
from myna.engines.tensors import checked_reference, device_of, from_text, to_text, usable_with_torch
from myna.errors import EngineFailed, EngineUnavailable, Unsupported
from myna.models.store import ModelStore, unusable

ENGINE = "chatterbox"
FORMAT = "chatterbox/1"
_RATE = 24_000
_LONGEST = 30.0
"""Seconds of a reference; the library uses 10 for the sound and 6 for the manner of speaking."""
_LANGUAGES = (
    "ar", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "it", "ja", "ko", "ms", "nb", "nl", "pl", "pt", "ru",
    "sv", "sw", "tr", "zh",
)  # fmt: skip
_CALLED = {"nb": "no", "nn": "no"}
"""What the library calls a language, where that is not its tag."""
_USUAL_TEMPERATURE, _WILDEST = 0.8, 1.2
_CHINESE_WORDS = "spacy_ontonotes"
"""The model that the word splitter for Chinese would download. Without it, Chinese is read sign by sign."""


@dataclass(frozen=True, slots=True)
class _Files:
    """Of the multilingual model."""

    folder: Path
    text_to_speech: Path
    decoder: Path
    voice_encoder: Path
    vocabulary: Path


class ChatterboxEngine(Engine):
    """Makes a whole sentence at a time. It has no voices but cloned ones. Marks what it speaks (Perth)."""

    name: ClassVar[str] = ENGINE

    def __init__(self) -> None:
        self._interrupted = threading.Event()
        self._device = device_of(ENGINE, "cuda")
        self._model = _load(_find_files(), self._device)
        self._model.t3.tfmr.register_forward_pre_hook(self._go_on)

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return usable_with_torch(ENGINE, {"chatterbox": "chatterbox-tts"}, _find_files, "cuda")

    @classmethod
    def describe(cls) -> Capabilities:
        return Capabilities(
            name=cls.name,
            description="Cloned voices in 23 languages with Chatterbox, for a graphics card.",
            version=_version(),
            licence="MIT (Chatterbox and its weights)",
            languages=_LANGUAGES,
            sample_rate=_RATE,
            cloning=True,
            voice_format=FORMAT,
            clone_quality="neural",
            diacritics="helpful",
            options=frozenset({"temperature", "seed"}),
            device=device_of(ENGINE, "cuda"),
            max_characters=300,
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        return ()

    def prepare_voice(
        self, reference: Samples, sample_rate: int, transcript: str | None = None, language: str | None = None
    ) -> dict[str, Any]:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            _write_wave(file.name, checked_reference(reference, sample_rate, _LONGEST), sample_rate)
            self._model.prepare_conditionals(file.name)
        heard = self._model.conds
        parts = {f"t3/{name}": value for name, value in vars(heard.t3).items()}
        parts |= {f"gen/{name}": value for name, value in heard.gen.items()}
        return {"format": FORMAT, "tensors": to_text({name: it for name, it in parts.items() if hasattr(it, "shape")})}

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        language = _library_language(request.language)
        self._model.conds = self._heard(request.voice_settings)
        self._interrupted.clear()
        yield from patiently(lambda: self._sentence(request, language), _RATE)
        if request.pause_after:
            yield AudioChunk(np.zeros(round(request.pause_after * _RATE), np.float32), _RATE)

    def interrupt(self) -> None:
        self._interrupted.set()

    def _sentence(self, request: SynthesisRequest, language: str) -> Samples:
        import torch

        torch.manual_seed(request.seed & 0xFFFF_FFFF if request.temperature else 0)
        temperature = _USUAL_TEMPERATURE + request.temperature * (_WILDEST - _USUAL_TEMPERATURE)
        sound = self._model.generate(request.text, language_id=language, temperature=temperature)
        return np.clip(cast(Samples, sound.detach().cpu().numpy()).reshape(-1), -1.0, 1.0).astype(np.float32)

    def _heard(self, settings: Mapping[str, Any]) -> Any:
        """What the library knows of a speaker, as `prepare_voice` has kept it."""
        if settings.get("format") != FORMAT:
            raise Unsupported(f"This is no voice that the engine `{ENGINE}` has made.")
        from chatterbox.mtl_tts import Conditionals, T3Cond

        kept = from_text(settings["tensors"])
        parts: dict[str, dict[str, Any]] = {"t3": {}, "gen": {"prompt_feat_len": None}}
        for name, tensor in kept.items():
            group, _, part = name.partition("/")
            parts[group][part] = tensor
        return Conditionals(T3Cond(**parts["t3"]), parts["gen"]).to(self._device)

    def _go_on(self, *_: Any) -> None:
        """Asked before each step of the network, which are some forty for a second of sound."""
        if self._interrupted.is_set():
            raise EngineFailed("Interrupted.")


def _find_files() -> _Files:
    """Of the model that is here. Raises `EngineUnavailable`."""
    found = next(iter(ModelStore.here().installed(ENGINE)), None)
    if found is None:
        raise EngineUnavailable("no model is here: `myna models pull chatterbox` brings one (3 GB)")
    return _Files(
        found.folder,
        text_to_speech=_one(found.folder, "t3_mtl*.safetensors"),
        decoder=_one(found.folder, "s3gen.safetensors"),
        voice_encoder=_one(found.folder, "ve.safetensors"),
        vocabulary=_one(found.folder, "grapheme_mtl*.json"),
    )


def _one(folder: Path, pattern: str) -> Path:
    path = next(iter(sorted(folder.glob(pattern))), None)
    if path is None:
        raise EngineUnavailable(f"the model `{folder.name}` has no file {pattern}")
    return path


def _load(files: _Files, device: str) -> Any:
    """The library's model. Raises `EngineUnavailable` when the files do not fit."""
    _stay_offline(files.folder)
    from chatterbox import mtl_tts

    try:
        parts = {
            files.voice_encoder: mtl_tts.VoiceEncoder(),
            files.text_to_speech: mtl_tts.T3(mtl_tts.T3Config.multilingual()),
            files.decoder: mtl_tts.S3Gen(),
        }
        for path, network in parts.items():
            _fill(network, path)
            network.to(device).eval()
        model = mtl_tts.ChatterboxMultilingualTTS(
            t3=parts[files.text_to_speech],
            s3gen=parts[files.decoder],
            ve=parts[files.voice_encoder],
            tokenizer=mtl_tts.MTLTokenizer(str(files.vocabulary)),
            device=device,
        )
    except EngineUnavailable:
        raise
    except Exception as error:
        raise unusable(files.folder.name, f"cannot be loaded: {error}") from error
    if model.sr != _RATE:
        raise EngineUnavailable(f"The model `{files.folder.name}` speaks at {model.sr} Hz, not {_RATE}.")
    return model


def _fill(network: Any, path: Path) -> None:
    """Read the weights of a network. Buffers may be missing, which it makes itself; what it has learned may not."""
    from safetensors.torch import load_file

    missing = set(network.load_state_dict(load_file(path), strict=False).missing_keys)
    if lost := sorted(missing & {name for name, _ in network.named_parameters()}):
        raise EngineUnavailable(f"{path.name} lacks {len(lost)} weights, such as {lost[0]}")


def _stay_offline(folder: Path) -> None:
    """Give the library its table of Chinese signs from the model's folder; keep it from fetching a word splitter."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    home = Path(os.environ.get("PKUSEG_HOME", "~/.pkuseg")).expanduser()
    if not (home / _CHINESE_WORDS).exists():
        sys.modules["spacy_pkuseg"] = None  # type: ignore[assignment] # an import fails, as the library expects
    from chatterbox.models.tokenizers import tokenizer

    tokenizer.hf_hub_download = lambda repo_id, filename, cache_dir=None: str(folder / filename)


def _library_language(tag: str) -> str:
    primary = tag.partition("-")[0].lower()
    called = _CALLED.get(primary, primary)
    if primary not in _LANGUAGES and called == primary:
        raise Unsupported(f"The engine `{ENGINE}` does not speak `{tag}`.")
    return called


def _write_wave(path: str, samples: Samples, rate: int) -> None:
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1.0, 1.0) * 32_767).astype("<i2").tobytes())


def _version() -> str:
    try:
        return version("chatterbox-tts")
    except PackageNotFoundError:  # asked where the library is not, for the documentation
        return ""
