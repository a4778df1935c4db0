"""Speaks and clones with pocket-tts, 100 million parameters on a CPU. Runs in an environment with torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from myna.audio.stretch import stretch
from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, StockVoice, SynthesisRequest
from myna.engines.patience import in_pieces
from myna.engines.pocket.files import ENGINE, LANGUAGES, PocketModel, find_models, some_models, stock_voices
from myna.engines.pocket.model import SAMPLE_RATE, LoadedModel
from myna.engines.pocket.voices import FORMAT, encoder_of, latents_of, to_settings
from myna.engines.tensors import checked_reference, device_of, usable_with_torch
from myna.errors import EngineUnavailable, Unsupported
from myna.kit.cache import Cache

_LONGEST = 30.0
"""Seconds of a reference that are used, as the library does."""
_KEPT_MODELS, _KEPT_STATES = 2, 8
"""In memory: 0.5 GB for a model, 3 to 20 MB for what it has heard of a speaker."""
_KEPT_SECONDS = 900.0
"""After which nothing of a deleted voice is left here, when another one speaks."""
_STEADY_SEED = 0
"""At temperature 0 a text always sounds the same, whatever the seed."""


class PocketEngine(Engine):
    """One model for each language; any of them speaks with a cloned voice."""

    name: ClassVar[str] = ENGINE

    def __init__(self) -> None:
        """Loads one model and rehearses, so that the first request does not wait for that. Raises `EngineUnavailable`
        when none can be loaded.
        """
        self._files = some_models()
        self._device = device_of(ENGINE, "cpu")
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._states: Cache[tuple[str, str], Any] = Cache(
            entries=_KEPT_STATES, weight=_KEPT_STATES, seconds=_KEPT_SECONDS
        )
        self._stop = threading.Event()
        self._load_one()

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return usable_with_torch(ENGINE, {"pocket_tts": "pocket-tts"}, some_models, "cpu")

    @classmethod
    def describe(cls) -> Capabilities:
        """Without a model, what it could do with all of them."""
        models = find_models()
        return Capabilities(
            name=cls.name,
            description="Natural speech and cloned voices on a CPU, with pocket-tts.",
            version=_version(),
            licence="MIT (pocket-tts); weights CC-BY-4.0, each voice its own",
            languages=tuple(sorted({model.language for model in models} or LANGUAGES.values())),
            sample_rate=SAMPLE_RATE,
            streaming=True,
            passes_on=True,
            cloning=(cloning := not models or any(model.clones for model in models)),
            voice_format=FORMAT if cloning else "",
            clone_quality="neural" if cloning else "",
            one_language=True,
            options=frozenset({"temperature", "seed"} | ({"speed"} if find_spec("python_stretch") else set())),
            device=device_of(ENGINE, "cpu"),
            max_characters=200,  # about the 50 tokens beyond which the model may skip words
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        return stock_voices(find_models())

    def prepare_voice(
        self, reference: Samples, sample_rate: int, transcript: str | None = None, language: str | None = None
    ) -> dict[str, Any]:
        """For all models that are here; those with the same encoder share what it heard."""
        sound = checked_reference(reference, sample_rate, _LONGEST)
        cloning = [files for files in self._files if files.clones]
        if not cloning:
            raise Unsupported("The models of the engine `pocket` that are here cannot clone voices.")
        latents: dict[str, Any] = {}
        for files in cloning:
            if (encoder := encoder_of(files.weights)) not in latents:
                latents[encoder] = self._model(files).latents(sound, sample_rate)
        home = next((files for files in cloning if _speaks(files, language or "en")), cloning[0])
        return to_settings(latents, home.name)

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        self._stop = stop = threading.Event()
        model, state = self._voice(request)
        seed = request.seed if request.temperature else _STEADY_SEED
        sound = model.speak(state, request.text, request.temperature, seed & 0xFFFF_FFFF, stop)
        try:
            for samples in sound if request.speed == 1.0 else _at_speed(sound, request.speed):
                yield from in_pieces(samples, SAMPLE_RATE)
        finally:
            stop.set()
        if request.pause_after:
            yield AudioChunk(np.zeros(round(request.pause_after * SAMPLE_RATE), np.float32), SAMPLE_RATE)

    def interrupt(self) -> None:
        self._stop.set()

    def _voice(self, request: SynthesisRequest) -> tuple[LoadedModel, Any]:
        """The model that speaks, and its state after it has heard the voice. Raises `Unsupported`."""
        settings = request.voice_settings
        files = self._stock_model(request) if "voice" in settings else self._cloning_model(request)
        model = self._model(files)
        key = (files.name, hashlib.sha256(json.dumps(dict(settings), sort_keys=True).encode()).hexdigest())
        state = self._states.get(key)
        if state is None:
            if "voice" in settings:
                state = model.state_of_stock_voice(files.voice(settings["voice"]))
            else:
                state = model.state_of_latents(latents_of(settings, model.encoder, files.name))
            self._states.put(key, state)
        return model, state

    def _stock_model(self, request: SynthesisRequest) -> PocketModel:
        name = request.voice_settings.get("model")
        files = next((files for files in self._files if files.name == name), None)
        if files is None:
            raise EngineUnavailable(f"The model `{name}` of this voice is not here any more.")
        if not _speaks(files, request.language):
            raise Unsupported(f"This voice speaks `{files.language}`, not `{request.language}`.")
        return files

    def _cloning_model(self, request: SynthesisRequest) -> PocketModel:
        """The one for which the voice was made, if it speaks the language; else the first that does."""
        fitting = [files for files in self._files if files.clones and _speaks(files, request.language)]
        if not fitting:
            raise Unsupported(f"No model of the engine `pocket` that is here speaks `{request.language}`.")
        home = request.voice_settings.get("model")
        return next((files for files in fitting if files.name == home), fitting[0])

    def _model(self, files: PocketModel) -> LoadedModel:
        if files.name not in self._models:
            while len(self._models) >= _KEPT_MODELS:
                self._models.popitem(last=False)
            self._models[files.name] = LoadedModel(files, self._device)
        self._models.move_to_end(files.name)
        return self._models[files.name]

    def _load_one(self) -> None:
        """The first that is not broken: of the others, requests say so."""
        problems: list[EngineUnavailable] = []
        for files in self._files:
            try:
                self._rehearse(files, self._model(files))
            except EngineUnavailable as error:
                problems.append(error)
            else:
                return
        raise problems[0]

    def _rehearse(self, files: PocketModel, model: LoadedModel) -> None:
        for path in files.voices:
            with contextlib.suppress(EngineUnavailable):
                state = model.state_of_stock_voice(path)
                for _ in model.speak(state, "Hello.", 0.0, _STEADY_SEED, self._stop):
                    self._stop.set()
                return


def _at_speed(sound: Iterator[Samples], speed: float) -> Iterator[Samples]:
    """The whole sentence, played faster or slower: the model knows only its own pace."""
    parts = list(sound)
    if parts:
        yield stretch(np.concatenate(parts), SAMPLE_RATE, speed)


def _speaks(files: PocketModel, language: str) -> bool:
    return files.language.partition("-")[0] == language.lower().partition("-")[0]


def _version() -> str:
    try:
        return version("pocket-tts")
    except PackageNotFoundError:  # asked where the library is not, for the documentation
        return ""
