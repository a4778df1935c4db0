"""A model of pocket-tts in memory. The library is imported here alone, when a model is loaded."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from myna.engines.base import Samples
from myna.engines.pocket.files import PocketModel
from myna.engines.pocket.voices import encoder_of
from myna.errors import EngineFailed, EngineUnavailable
from myna.models.store import unusable

SAMPLE_RATE = 24_000
_MOST_FRAMES = 6
"""Decoded at a time, 80 ms each: an answer comes in small pieces, also when the decoder is slow."""
_MOST_SECONDS = 5.0
"""How long the library's threads may take to end after the current step."""


class LoadedModel:
    """Speaks one language, and makes voices of recordings."""

    def __init__(self, files: PocketModel, device: str = "cpu") -> None:
        """Raises `EngineUnavailable` when the files cannot be used. Never downloads anything."""
        library = _library()
        self.files = files
        try:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(local_configuration(files))
                file.flush()
                self._model: Any = library.load_model(config=file.name).to(device)
        except EngineUnavailable:
            raise
        except Exception as error:
            raise unusable(files.name, f"cannot be loaded: {error}") from error
        if self._model.sample_rate != SAMPLE_RATE:
            raise EngineUnavailable(
                f"The model `{files.name}` speaks at {self._model.sample_rate} Hz, not {SAMPLE_RATE}."
            )
        self._model.max_decoder_frames_per_call = _MOST_FRAMES
        self._usual_temperature = float(self._model.temp)

    def latents(self, reference: Samples, rate: int) -> Any:
        """What the codec hears in mono sound at any rate: a tensor [1, frames, size]."""
        import torch
        from pocket_tts.data.audio_utils import convert_audio, end_on_pause

        with torch.no_grad():
            sound = convert_audio(torch.from_numpy(reference.copy())[None], rate, SAMPLE_RATE, 1)
            prompt = end_on_pause(sound.float(), SAMPLE_RATE)
            return self._model.mimi.encode_to_latent(prompt[None].to(self._model.device)).float().cpu()

    def state_of_latents(self, latents: Any) -> Any:
        """The model after it has heard a speaker: from here it goes on to speak.

        As `TTSModel.get_state_for_audio_prompt` does with a recording, after its codec has heard it.
        """
        import torch
        from pocket_tts.modules.stateful_module import init_states

        language = self._model.flow_lm
        with torch.no_grad():
            prompt = torch.nn.functional.linear(latents.to(self._model.device), language.speaker_proj_weight)
            if language.insert_bos_before_voice:
                prompt = torch.cat([language.bos_before_voice, prompt], dim=1)
            state = init_states(language, batch_size=1, sequence_length=prompt.shape[1])
            self._model._run_flow_lm_and_increment_step(model_state=state, audio_conditioning=prompt)
        return state

    def state_of_stock_voice(self, path: Path) -> Any:
        """The same, as the library has exported it. Raises `EngineUnavailable`."""
        try:
            return self._model.get_state_for_audio_prompt(path)
        except Exception as error:
            raise EngineUnavailable(f"The voice {path.name} of `{self.files.name}` cannot be read: {error}") from error

    def speak(self, state: Any, text: str, temperature: float, seed: int, stop: threading.Event) -> Iterator[Samples]:
        """Sound as it comes, 24 kHz. `temperature` 0 is the model's usual one, 1 is that of its training."""
        import torch

        self._model.temp = self._usual_temperature + temperature * (1.0 - self._usual_temperature)
        torch.manual_seed(seed)
        others = set(threading.enumerate())
        try:
            for chunk in self._model.generate_audio_stream(state, text, stop=stop):
                yield np.clip(cast(Samples, chunk.detach().cpu().numpy()), -1.0, 1.0).astype(np.float32)
        except ValueError as error:
            raise EngineFailed(f"There is nothing to say in this text: {error}") from error
        finally:
            stop.set()
            for worker in set(threading.enumerate()) - others:  # else it would draw random numbers of the next text
                worker.join(_MOST_SECONDS)

    @property
    def encoder(self) -> str:
        return encoder_of(self.files.weights)


def _library() -> Any:
    """The class that loads models. Nothing is compiled here, and torch's compiler would be 40 % of the start."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    def as_it_is(function: Any = None, *_: Any, **__: Any) -> Any:
        return function if function is not None else lambda decorated: decorated

    torch.compiler.disable = as_it_is
    from pocket_tts import TTSModel

    return TTSModel


def local_configuration(files: PocketModel) -> str:
    """The configuration of a model, with the files that are here in place of the hub's. Raises `EngineUnavailable`."""
    import yaml
    from pocket_tts.utils.config import CONFIGS_DIR

    path = files.own_configuration or Path(CONFIGS_DIR, f"{files.configuration}.yaml")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        for part in (found, found["flow_lm"], found["mimi"]):
            for name in ("weights_path", "weights_path_without_voice_cloning"):
                part.pop(name, None)
        kind = "tokenizers" if files.tokenizer.suffix == ".json" else "sentencepiece"
        found["flow_lm"]["lookup_table"].update(tokenizer=kind, tokenizer_path=str(files.tokenizer))
    except FileNotFoundError:
        message = (
            f"pocket-tts has no configuration `{files.configuration}` for the model `{files.name}`: bring a YAML file."
        )
        raise EngineUnavailable(message) from None
    except (yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise EngineUnavailable(f"{path.name} is no configuration of pocket-tts: {error}") from error
    return cast(str, yaml.safe_dump(found | {"weights_path": str(files.weights)}))
